-- Punctuality per month and carrier: months over a table of days.
--
-- A month is refreshed once all its days are fresh; a day that changes makes its month stale and no other.
CREATE MATERIALIZED TABLE monthly_punctuality
COMMENT 'Flights, cancellations and arrival delay per month and carrier'
PARTITIONED BY (month)
WITH ('partition.grain' = 'month')
AS
SELECT
  date_trunc('month', flight_date)::DATE      AS month,
  carrier,
  sum(flights)::BIGINT                        AS flights,
  sum(cancelled)::BIGINT                      AS cancelled,
  round(100.0 * sum(cancelled) / sum(flights), 2)::DOUBLE AS cancelled_percent,
  round(sum(avg_arrival_delay * (flights - cancelled)) / sum(flights - cancelled), 1) AS avg_arrival_delay
FROM flights_daily
GROUP BY ALL
