-- The busiest routes of the whole year.
--
-- Without a partition the table has no intervals: each refresh computes it as a whole and puts it in place of the old
-- one in one step; readers see either the one or the other.
CREATE MATERIALIZED TABLE route_leaderboard
COMMENT 'Routes by number of flights'
AS
SELECT
  row_number() OVER (ORDER BY count(*) DESC, origin, dest) AS place,
  origin,
  dest,
  count(*)                                    AS flights,
  count(DISTINCT carrier)                     AS carriers,
  round(avg(arr_delay), 1)                    AS avg_arrival_delay,
  round(median(air_time))                     AS minutes_in_the_air
FROM 'data/flights.parquet'
GROUP BY origin, dest
ORDER BY place
