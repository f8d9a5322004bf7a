-- The weather of each day at the three airports.
--
-- The file's hours are UTC without saying so (a plain TIMESTAMP), but a day here is a day in New York. So the hour is
-- converted twice: AT TIME ZONE 'UTC' says which instant the naive value means, AT TIME ZONE 'America/New_York' gives
-- the wall clock there at that instant, and ::DATE takes its day. The hour 2013-01-02 04:00 UTC belongs to January 1st;
-- on March 10th the day has 23 hours, on November 3rd 25.
CREATE MATERIALIZED TABLE weather_daily
COMMENT 'Temperature, rain, wind and sight per day, over the three airports'
PARTITIONED BY (weather_date)
WITH ('partition.grain' = 'day')
FRESHNESS = INTERVAL '1' DAY
AS
SELECT
  (hour_utc AT TIME ZONE 'UTC' AT TIME ZONE 'America/New_York')::DATE AS weather_date,
  count(DISTINCT hour_utc)                    AS hours,            -- some hours are missing in the source
  round(avg(temp), 1)                         AS avg_temperature,  -- degrees Fahrenheit
  round(sum(precip) / count(DISTINCT origin), 2) AS rain,          -- inches, mean of the airports
  round(max(wind_speed), 1)                   AS top_wind,         -- miles an hour
  min(visib)                                  AS least_sight       -- miles; 10 is clear
FROM 'data/weather.parquet'
GROUP BY weather_date
