-- Flights per day and carrier.
--
-- PARTITIONED BY a DATE with the grain 'day' makes each day an interval of its own: mtctl knows which of the 365 days
-- are missing or stale, computes exactly those, and replaces a day as a whole, never half of it.
-- The query needs no date filter: mtctl adds the days to it, and DuckDB pushes them down into the scan of the file.
CREATE MATERIALIZED TABLE flights_daily
COMMENT 'Flights and delays per day and carrier'
PARTITIONED BY (flight_date)
WITH ('partition.grain' = 'day')
FRESHNESS = INTERVAL '1' DAY
AS
SELECT
  flight_date,
  carrier,
  count(*)                                    AS flights,
  count(*) FILTER (WHERE dep_time IS NULL)    AS cancelled,
  round(avg(dep_delay), 2)                    AS avg_departure_delay,  -- minutes; early departures are negative
  round(avg(arr_delay), 2)                    AS avg_arrival_delay
FROM 'data/flights.parquet'
GROUP BY flight_date, carrier
