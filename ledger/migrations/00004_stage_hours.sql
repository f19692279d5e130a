-- +goose Up

-- A million tickets took stage_times_between more seconds than a report has: it asks the time
-- zone for the hour of each, and sorts them five times for the percentiles. Here the hours of
-- the bakery's clock are found first and looked up in the index, and whoever reads the times
-- sorts them.

-- Time zones move their clocks at whole minutes. Where the hour changes within a quarter of
-- one, its minutes are looked up each.
-- +goose StatementBegin
CREATE FUNCTION stage_hours_between(first_day date, last_day date)
RETURNS TABLE (stage text, weekday integer, hour integer, tickets bigint, waited_seconds double precision[], in_hand_seconds double precision[])
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH quarters AS MATERIALIZED (
    SELECT b.time_zone, quarter.starts_at, least(quarter.starts_at + interval '15 minutes', day_start(last_day + 1, b.time_zone)) AS ends_at
    FROM bakery b
    CROSS JOIN LATERAL generate_series(
        day_start(first_day, b.time_zone), day_start(last_day + 1, b.time_zone) - interval '1 microsecond', interval '15 minutes'
    ) AS quarter (starts_at)
), steps AS MATERIALIZED (
    SELECT q.time_zone, q.starts_at, q.ends_at,
        CASE WHEN date_trunc('hour', q.starts_at AT TIME ZONE q.time_zone) = date_trunc('hour', (q.ends_at - interval '1 microsecond') AT TIME ZONE q.time_zone)
            THEN interval '15 minutes' ELSE interval '1 minute' END AS step
    FROM quarters q
), spans AS MATERIALIZED (
    SELECT span.starts_at, least(span.starts_at + s.step, s.ends_at) AS ends_at,
        (extract(isodow FROM span.starts_at AT TIME ZONE s.time_zone) * 24 + extract(hour FROM span.starts_at AT TIME ZONE s.time_zone))::integer AS hour_of_week
    FROM steps s
    CROSS JOIN LATERAL generate_series(s.starts_at, s.ends_at - interval '1 microsecond', s.step) AS span (starts_at)
)
SELECT done.stage, done.hour_of_week / 24, done.hour_of_week % 24, done.tickets, done.waited_seconds, done.in_hand_seconds
FROM (
    SELECT t.stage, s.hour_of_week, count(*) AS tickets,
        array_agg(t.waited_seconds) FILTER (WHERE t.waited_seconds IS NOT NULL) AS waited_seconds,
        array_agg(t.in_hand_seconds) FILTER (WHERE t.in_hand_seconds IS NOT NULL) AS in_hand_seconds
    FROM spans s
    CROSS JOIN LATERAL (
        SELECT t.stage, t.waited_seconds, t.in_hand_seconds
        FROM tickets t
        WHERE t.ended_at >= s.starts_at AND t.ended_at < s.ends_at AND t.kind = 'make'
        OFFSET 0
    ) AS t
    GROUP BY t.stage, s.hour_of_week
) AS done;
END;
-- +goose StatementEnd
COMMENT ON FUNCTION stage_hours_between IS 'Every time behind stage_times_between, by the stage, and the weekday (1 for Monday) and hour of the bakery''s clock in which the tickets were done.';

-- +goose Down
DROP FUNCTION stage_hours_between;
