-- What the weather does to punctuality, day by day.
--
-- It reads two other tables by their names. mtctl finds that out from the query: a day here is refreshed after the same
-- day of both, and when a day of either changes, exactly that day here becomes stale.
CREATE MATERIALIZED TABLE delay_by_weather
COMMENT 'Departure delay and cancellations of each day beside its weather'
PARTITIONED BY (flight_date)
WITH ('partition.grain' = 'day')
FRESHNESS = INTERVAL '1' DAY
AS
SELECT
  f.flight_date,
  CASE
    WHEN w.weather_date IS NULL THEN 'unknown'  -- no reading that day
    WHEN w.rain >= 0.5          THEN 'heavy rain'
    WHEN w.rain > 0             THEN 'rain'
    WHEN w.top_wind >= 25       THEN 'windy'
    ELSE 'dry'
  END                                         AS weather,
  any_value(w.rain)                           AS rain,
  any_value(w.top_wind)                       AS top_wind,
  sum(f.flights)::BIGINT                      AS flights,
  sum(f.cancelled)::BIGINT                    AS cancelled,
  -- the mean of means, each carrier weighted by the flights that left
  round(sum(f.avg_departure_delay * (f.flights - f.cancelled)) / sum(f.flights - f.cancelled), 1)
                                              AS avg_departure_delay
FROM flights_daily AS f
LEFT JOIN weather_daily AS w ON w.weather_date = f.flight_date
GROUP BY f.flight_date, weather
