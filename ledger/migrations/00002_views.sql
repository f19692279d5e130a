-- +goose Up

-- Views for the questions that people ask. Each is SQL over what was folded, never a
-- counter: what comes late corrects the day that it belongs to.
--
-- "OFFSET 0" keeps PostgreSQL from reading a whole table for the rows of a few orders: it
-- cannot know how few there are on a day that is looked up as the query runs.
--
-- Whatever goes by days starts from the view "days" and looks up each day by itself, in
-- an index. So a condition on the day costs that day, and none costs all of them.

DROP INDEX tickets_ended;
CREATE INDEX tickets_ended ON tickets (ended_at, stage) INCLUDE (kind, state, waited_seconds, in_hand_seconds);
CREATE INDEX tickets_issued ON tickets (issued_at);
CREATE INDEX orders_day ON orders ((coalesce(due_at, placed_at, first_recorded_at)));
CREATE INDEX orders_ready ON orders (ready_at) WHERE ready_at IS NOT NULL;
CREATE INDEX orders_cancelled ON orders (cancelled_at) WHERE cancelled_at IS NOT NULL;

-- Where clocks are set back across midnight it comes twice, and PostgreSQL takes the second.
CREATE FUNCTION day_start(of_day date, zone text) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN ((of_day::timestamp AT TIME ZONE zone) - interval '1 hour') AT TIME ZONE zone >= of_day::timestamp
    THEN (of_day::timestamp AT TIME ZONE zone) - interval '1 hour'
    ELSE of_day::timestamp AT TIME ZONE zone
END;
COMMENT ON FUNCTION day_start IS 'The first moment of a day in a time zone.';

CREATE FUNCTION late_seconds(state text, due_at timestamptz, ready_at timestamptz, withdrawn_at timestamptz) RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    WHEN state IN ('cancelling', 'cancelled') OR (state = 'shipped' AND ready_at IS NULL) OR withdrawn_at IS NOT NULL THEN 0
    ELSE coalesce(greatest(extract(epoch FROM coalesce(ready_at, now()) - due_at), 0), 0)
END;
COMMENT ON FUNCTION late_seconds IS 'By how much an order was late or, while it is open, is so far; 0 if it is not, if nobody knows, and if it is cancelled or withdrawn.';

-- The bounds keep a station's or a customer's impossible date from making days without end.
CREATE VIEW days AS
SELECT series.day::date AS day,
    day_start(series.day::date, bakery.time_zone) AS starts_at,
    day_start(series.day::date + 1, bakery.time_zone) AS ends_at
FROM bakery
CROSS JOIN LATERAL (
    SELECT
        greatest(least(
            (SELECT min(coalesce(due_at, placed_at, first_recorded_at)) FROM orders),
            (SELECT min(placed_at) FROM orders),
            (SELECT min(ready_at) FROM orders),
            (SELECT min(ended_at) FROM tickets),
            (SELECT min(failed_at) FROM failures),
            (SELECT min(wasted_at) FROM waste)
        ), timestamptz '2000-01-01 00:00+00') AS first,
        least(
            greatest(
                (SELECT max(coalesce(due_at, placed_at, first_recorded_at)) FROM orders),
                (SELECT max(placed_at) FROM orders),
                (SELECT max(ready_at) FROM orders),
                (SELECT max(ended_at) FROM tickets),
                (SELECT max(failed_at) FROM failures),
                (SELECT max(wasted_at) FROM waste),
                now()
            ),
            now() + interval '400 days'
        ) AS last
) AS bounds
CROSS JOIN LATERAL generate_series(
    (bounds.first AT TIME ZONE bakery.time_zone)::date::timestamp,
    (bounds.last AT TIME ZONE bakery.time_zone)::date::timestamp,
    interval '1 day'
) AS series (day);
COMMENT ON VIEW days IS 'The days of the bakery''s calendar, from the first of which there is something to the last, or today.';
COMMENT ON COLUMN days.day IS 'The day.';
COMMENT ON COLUMN days.starts_at IS 'Its first moment.';
COMMENT ON COLUMN days.ends_at IS 'The first moment after it: 23, 24 or 25 hours later.';

CREATE VIEW ledger_read AS
SELECT max(read_until) AS read_until FROM positions;
COMMENT ON VIEW ledger_read IS 'How far the ledger has read. One row.';
COMMENT ON COLUMN ledger_read.read_until IS 'The time of the newest record that was read, of those with the broker''s time; null if there is none.';

CREATE VIEW made_tickets AS
SELECT t.order_key, t.ticket, t.stage, t.pass, t.pieces, t.issued_at, t.started_at, t.ended_at, t.worker, t.waited_seconds, t.in_hand_seconds
FROM tickets t
WHERE t.kind = 'make' AND t.state = 'done'
    AND NOT EXISTS (
        SELECT FROM undone u
        WHERE u.order_key = t.order_key AND u.stage = t.stage AND u.pass = t.pass AND u.state = 'undone'
    );
COMMENT ON VIEW made_tickets IS 'Work that was done and not undone. The passes of an order that was made again count each.';
COMMENT ON COLUMN made_tickets.order_key IS 'The order.';
COMMENT ON COLUMN made_tickets.ticket IS 'The ticket.';
COMMENT ON COLUMN made_tickets.stage IS 'The stage.';
COMMENT ON COLUMN made_tickets.pass IS 'The pass.';
COMMENT ON COLUMN made_tickets.pieces IS 'How many pieces.';
COMMENT ON COLUMN made_tickets.issued_at IS 'When it was issued first; null if that is not known.';
COMMENT ON COLUMN made_tickets.started_at IS 'When whoever did it has begun; null if that is not known.';
COMMENT ON COLUMN made_tickets.ended_at IS 'When it was done.';
COMMENT ON COLUMN made_tickets.worker IS 'Who has done it.';
COMMENT ON COLUMN made_tickets.waited_seconds IS 'From issued_at to started_at, in seconds.';
COMMENT ON COLUMN made_tickets.in_hand_seconds IS 'From started_at to ended_at, in seconds.';

-- The day.

CREATE VIEW day_figures AS
SELECT d.day, o.orders, o.pieces, o.ready, o.collected, o.cancelled, o.open, o.late, o.remakes, w.scrapped
FROM days d
CROSS JOIN LATERAL (
    SELECT count(*) AS orders,
        coalesce(sum(o.pieces) FILTER (WHERE o.state NOT IN ('cancelling', 'cancelled')), 0) AS pieces,
        count(*) FILTER (WHERE o.state = 'shipped') AS ready,
        count(*) FILTER (WHERE o.collected_at IS NOT NULL) AS collected,
        count(*) FILTER (WHERE o.state IN ('cancelling', 'cancelled')) AS cancelled,
        count(*) FILTER (WHERE o.state NOT IN ('shipped', 'cancelling', 'cancelled') AND o.withdrawn_at IS NULL) AS open,
        count(*) FILTER (WHERE late_seconds(o.state, o.due_at, o.ready_at, o.withdrawn_at) > 0) AS late,
        coalesce(sum(o.remakes), 0) AS remakes
    FROM orders o
    WHERE coalesce(o.due_at, o.placed_at, o.first_recorded_at) >= d.starts_at
        AND coalesce(o.due_at, o.placed_at, o.first_recorded_at) < d.ends_at
) AS o
CROSS JOIN LATERAL (
    SELECT coalesce(sum(w.pieces), 0) AS scrapped
    FROM waste w
    WHERE w.wasted_at >= d.starts_at AND w.wasted_at < d.ends_at
) AS w;
COMMENT ON VIEW day_figures IS 'Each day in figures. An order belongs to the day on which it is due; if that is not known, was placed; if that is not known, was heard of first.';
COMMENT ON COLUMN day_figures.day IS 'The day.';
COMMENT ON COLUMN day_figures.orders IS 'Its orders, whatever became of them.';
COMMENT ON COLUMN day_figures.pieces IS 'Pieces of those that are not cancelled.';
COMMENT ON COLUMN day_figures.ready IS 'Those that are ready, collected or not.';
COMMENT ON COLUMN day_figures.collected IS 'Those that were handed out.';
COMMENT ON COLUMN day_figures.cancelled IS 'Those that are cancelled, or about to be.';
COMMENT ON COLUMN day_figures.open IS 'Those that are neither ready nor cancelled, nor withdrawn.';
COMMENT ON COLUMN day_figures.late IS 'Those that were ready after they were due, or are due and open.';
COMMENT ON COLUMN day_figures.remakes IS 'How often they were started again.';
COMMENT ON COLUMN day_figures.scrapped IS 'Pieces thrown away on this day, for whichever order.';

CREATE VIEW day_revenue AS
SELECT d.day, o.currency, o.decimals, o.orders, o.amount, o.amount / power(10::numeric, o.decimals) AS revenue
FROM days d
CROSS JOIN LATERAL (
    SELECT o.currency, o.decimals, count(*) AS orders, sum(o.total) AS amount
    FROM orders o
    WHERE coalesce(o.due_at, o.placed_at, o.first_recorded_at) >= d.starts_at
        AND coalesce(o.due_at, o.placed_at, o.first_recorded_at) < d.ends_at
        AND o.state = 'shipped' AND o.total IS NOT NULL
    GROUP BY o.currency, o.decimals
) AS o;
COMMENT ON VIEW day_revenue IS 'What each day''s orders cost that are ready, for each currency.';
COMMENT ON COLUMN day_revenue.day IS 'The day.';
COMMENT ON COLUMN day_revenue.currency IS 'The currency.';
COMMENT ON COLUMN day_revenue.decimals IS 'How many digits of amount stand behind the point.';
COMMENT ON COLUMN day_revenue.orders IS 'How many orders with a price.';
COMMENT ON COLUMN day_revenue.amount IS 'What they cost in all, in the currency''s smallest unit.';
COMMENT ON COLUMN day_revenue.revenue IS 'The same in the currency''s unit.';

CREATE VIEW day_flavours AS
SELECT d.day, f.flavour, f.size, f.pieces, f.scrapped
FROM days d
CROSS JOIN LATERAL (
    SELECT both_sides.flavour, both_sides.size, sum(both_sides.pieces) AS pieces, sum(both_sides.scrapped) AS scrapped
    FROM (
        SELECT l.flavour, l.size, l.quantity AS pieces, 0 AS scrapped
        FROM orders o
        CROSS JOIN LATERAL (SELECT * FROM order_lines l WHERE l.order_key = o.order_key OFFSET 0) AS l
        WHERE coalesce(o.due_at, o.placed_at, o.first_recorded_at) >= d.starts_at
            AND coalesce(o.due_at, o.placed_at, o.first_recorded_at) < d.ends_at
            AND o.state NOT IN ('cancelling', 'cancelled')
        UNION ALL
        SELECT w.flavour, w.size, 0, w.pieces
        FROM waste w
        WHERE w.wasted_at >= d.starts_at AND w.wasted_at < d.ends_at
    ) AS both_sides
    GROUP BY both_sides.flavour, both_sides.size
) AS f;
COMMENT ON VIEW day_flavours IS 'What each day''s orders were, and what was thrown away on it.';
COMMENT ON COLUMN day_flavours.day IS 'The day.';
COMMENT ON COLUMN day_flavours.flavour IS 'The flavour.';
COMMENT ON COLUMN day_flavours.size IS 'The size.';
COMMENT ON COLUMN day_flavours.pieces IS 'Pieces of the day''s orders that are not cancelled.';
COMMENT ON COLUMN day_flavours.scrapped IS 'Pieces thrown away on this day, for whichever order.';

CREATE VIEW day_flavour_revenue AS
SELECT d.day, f.flavour, f.size, f.currency, f.decimals, f.amount, f.amount / power(10::numeric, f.decimals) AS revenue
FROM days d
CROSS JOIN LATERAL (
    SELECT l.flavour, l.size, o.currency, o.decimals, sum(l.quantity * l.unit_price::numeric) AS amount
    FROM orders o
    CROSS JOIN LATERAL (SELECT * FROM order_lines l WHERE l.order_key = o.order_key OFFSET 0) AS l
    WHERE coalesce(o.due_at, o.placed_at, o.first_recorded_at) >= d.starts_at
        AND coalesce(o.due_at, o.placed_at, o.first_recorded_at) < d.ends_at
        AND o.state = 'shipped' AND o.total IS NOT NULL AND l.unit_price IS NOT NULL
    GROUP BY l.flavour, l.size, o.currency, o.decimals
) AS f;
COMMENT ON VIEW day_flavour_revenue IS 'What each day''s cupcakes cost of orders that are ready, by flavour, size and currency.';
COMMENT ON COLUMN day_flavour_revenue.day IS 'The day.';
COMMENT ON COLUMN day_flavour_revenue.flavour IS 'The flavour.';
COMMENT ON COLUMN day_flavour_revenue.size IS 'The size.';
COMMENT ON COLUMN day_flavour_revenue.currency IS 'The currency.';
COMMENT ON COLUMN day_flavour_revenue.decimals IS 'How many digits of amount stand behind the point.';
COMMENT ON COLUMN day_flavour_revenue.amount IS 'What they cost in all, in the currency''s smallest unit.';
COMMENT ON COLUMN day_flavour_revenue.revenue IS 'The same in the currency''s unit.';

-- Failures that have cost nothing have no row in "waste", and are about no flavour more
-- than another.
CREATE VIEW day_waste AS
SELECT d.day, w.stage, w.reason, w.flavour, w.worker, w.failures, w.pieces
FROM days d
CROSS JOIN LATERAL (
    SELECT lost.stage, lost.reason, lost.flavour, lost.worker,
        count(*) FILTER (WHERE lost.is_failure) AS failures,
        sum(lost.pieces) AS pieces
    FROM (
        SELECT w.stage, w.reason, w.flavour, w.worker, w.pieces,
            w.line = min(w.line) OVER (PARTITION BY w.order_key, w.ticket, w.waste)
                AND EXISTS (SELECT FROM failures f WHERE f.order_key = w.order_key AND f.ticket = w.ticket AND f.failure = w.waste) AS is_failure
        FROM waste w
        WHERE w.wasted_at >= d.starts_at AND w.wasted_at < d.ends_at
        UNION ALL
        SELECT f.stage, f.reason, NULL, f.worker, 0, true
        FROM failures f
        WHERE f.failed_at >= d.starts_at AND f.failed_at < d.ends_at
            AND NOT EXISTS (SELECT FROM waste w WHERE w.order_key = f.order_key AND w.ticket = f.ticket AND w.waste = f.failure)
    ) AS lost
    GROUP BY lost.stage, lost.reason, lost.flavour, lost.worker
) AS w;
COMMENT ON VIEW day_waste IS 'What was thrown away on each day, why and by whom, and which work failed without that.';
COMMENT ON COLUMN day_waste.day IS 'The day on which it happened.';
COMMENT ON COLUMN day_waste.stage IS 'The stage.';
COMMENT ON COLUMN day_waste.reason IS 'The reason''s code; "undone" for work that was undone.';
COMMENT ON COLUMN day_waste.flavour IS 'The flavour; null for failures that have cost no pieces.';
COMMENT ON COLUMN day_waste.worker IS 'Who has said so.';
COMMENT ON COLUMN day_waste.failures IS 'How many failures; one that has cost pieces of two flavours counts for the first of them, so that they can be added up.';
COMMENT ON COLUMN day_waste.pieces IS 'Pieces thrown away.';

CREATE VIEW day_people AS
SELECT d.day, p.worker, p.stage, p.tickets, p.pieces, p.in_hand_seconds, p.failures, p.scrapped
FROM days d
CROSS JOIN LATERAL (
    SELECT work.worker, work.stage, sum(work.tickets) AS tickets, sum(work.pieces) AS pieces,
        coalesce((
            SELECT sum(extract(epoch FROM upper(busy.span) - lower(busy.span)))
            FROM unnest(range_agg(work.span)) AS busy (span)
        ), 0)::double precision AS in_hand_seconds,
        sum(work.failures) AS failures, sum(work.scrapped) AS scrapped
    FROM (
        SELECT m.worker, m.stage, 1 AS tickets, m.pieces, 0 AS failures, 0 AS scrapped,
            CASE WHEN m.started_at < m.ended_at THEN tstzrange(m.started_at, m.ended_at) END AS span
        FROM made_tickets m
        WHERE m.ended_at >= d.starts_at AND m.ended_at < d.ends_at
        UNION ALL
        SELECT f.worker, f.stage, 0, 0, 1, f.scrapped, NULL
        FROM failures f
        WHERE f.failed_at >= d.starts_at AND f.failed_at < d.ends_at
    ) AS work
    GROUP BY work.worker, work.stage
) AS p;
COMMENT ON VIEW day_people IS 'What people and robots did on each day.';
COMMENT ON COLUMN day_people.day IS 'The day on which the work ended.';
COMMENT ON COLUMN day_people.worker IS 'Who.';
COMMENT ON COLUMN day_people.stage IS 'The stage.';
COMMENT ON COLUMN day_people.tickets IS 'Tickets that they have done, without those that were undone.';
COMMENT ON COLUMN day_people.pieces IS 'Pieces on them.';
COMMENT ON COLUMN day_people.in_hand_seconds IS 'How long they had any of these in hand, in seconds: what they had at the same time counts once.';
COMMENT ON COLUMN day_people.failures IS 'Failures that they have reported.';
COMMENT ON COLUMN day_people.scrapped IS 'Pieces that these have cost.';

CREATE VIEW day_hours AS
SELECT d.day, h.hour, h.placed, h.due, h.ready
FROM days d
CROSS JOIN bakery
CROSS JOIN LATERAL (
    SELECT extract(hour FROM happened.at AT TIME ZONE bakery.time_zone)::integer AS hour,
        sum(happened.placed) AS placed, sum(happened.due) AS due, sum(happened.ready) AS ready
    FROM (
        SELECT o.placed_at AS at, 1 AS placed, 0 AS due, 0 AS ready FROM orders o
        WHERE o.placed_at >= d.starts_at AND o.placed_at < d.ends_at
        UNION ALL
        SELECT o.due_at, 0, 1, 0 FROM orders o
        WHERE o.due_at >= d.starts_at AND o.due_at < d.ends_at AND o.state NOT IN ('cancelling', 'cancelled')
        UNION ALL
        SELECT o.ready_at, 0, 0, 1 FROM orders o
        WHERE o.ready_at >= d.starts_at AND o.ready_at < d.ends_at
    ) AS happened
    GROUP BY 1
) AS h;
COMMENT ON VIEW day_hours IS 'When each day was busy. Hours without anything are left out; the hour that comes twice when clocks are set back is one.';
COMMENT ON COLUMN day_hours.day IS 'The day.';
COMMENT ON COLUMN day_hours.hour IS 'The hour of the bakery''s clock, from 0 to 23.';
COMMENT ON COLUMN day_hours.placed IS 'Orders placed in it, for whichever day.';
COMMENT ON COLUMN day_hours.due IS 'Orders due in it that are not cancelled.';
COMMENT ON COLUMN day_hours.ready IS 'Orders that became ready in it.';

CREATE VIEW cancellations AS
SELECT (o.cancelled_at AT TIME ZONE bakery.time_zone)::date AS day, o.order_key, o.pickup_code, o.cancelled_at, o.cancelled_by, o.pieces,
    u.undone, u.left_undone, u.scrapped
FROM bakery
CROSS JOIN orders o
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(u.stage || '.' || u.pass ORDER BY u.undone_at, u.pass, u.stage) FILTER (WHERE u.state = 'undone'), '{}') AS undone,
        coalesce(array_agg(u.stage || '.' || u.pass ORDER BY u.pass, u.stage) FILTER (WHERE u.state <> 'undone'), '{}') AS left_undone,
        coalesce(sum(u.scrapped), 0) AS scrapped
    FROM undone u
    WHERE u.order_key = o.order_key
) AS u
WHERE o.cancelled_at IS NOT NULL;
COMMENT ON VIEW cancellations IS 'The orders that were cancelled, each with what was undone of it.';
COMMENT ON COLUMN cancellations.day IS 'The day on which it was cancelled.';
COMMENT ON COLUMN cancellations.order_key IS 'The order.';
COMMENT ON COLUMN cancellations.pickup_code IS 'Its code.';
COMMENT ON COLUMN cancellations.cancelled_at IS 'When.';
COMMENT ON COLUMN cancellations.cancelled_by IS 'Who on the staff has cancelled it; null if it was the customer, or nobody.';
COMMENT ON COLUMN cancellations.pieces IS 'How many cupcakes it was.';
COMMENT ON COLUMN cancellations.undone IS 'The work that was undone, as stage.pass, the first first.';
COMMENT ON COLUMN cancellations.left_undone IS 'The work that was to be undone and was not, or not yet.';
COMMENT ON COLUMN cancellations.scrapped IS 'Pieces that undoing has cost.';

-- How long the stages take. Undo tickets do not count; work that was undone later does,
-- since it took its time: its ticket's state is undone, and ended_at is when it was done.

-- +goose StatementBegin
CREATE FUNCTION stage_times_between(first_day date, last_day date)
RETURNS TABLE (stage text, weekday integer, hour integer, tickets bigint,
    waited_p50 double precision, waited_p90 double precision, in_hand_p50 double precision, in_hand_p90 double precision)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
SELECT done.stage, done.weekday, done.hour, count(*),
    percentile_disc(0.5) WITHIN GROUP (ORDER BY done.waited_seconds),
    percentile_disc(0.9) WITHIN GROUP (ORDER BY done.waited_seconds),
    percentile_disc(0.5) WITHIN GROUP (ORDER BY done.in_hand_seconds),
    percentile_disc(0.9) WITHIN GROUP (ORDER BY done.in_hand_seconds)
FROM (
    SELECT t.stage COLLATE "C" AS stage, t.waited_seconds, t.in_hand_seconds, -- sorts quicker
        extract(isodow FROM t.ended_at AT TIME ZONE b.time_zone)::integer AS weekday,
        extract(hour FROM t.ended_at AT TIME ZONE b.time_zone)::integer AS hour
    FROM bakery b
    JOIN tickets t ON t.ended_at >= day_start(first_day, b.time_zone) AND t.ended_at < day_start(last_day + 1, b.time_zone)
    WHERE t.kind = 'make'
) AS done
GROUP BY GROUPING SETS ((done.stage), (done.stage, done.weekday, done.hour));
END;
-- +goose StatementEnd
COMMENT ON FUNCTION stage_times_between IS 'stage_times for the tickets that were done from one day to another, both included.';

CREATE VIEW stage_times AS
SELECT s.stage, s.weekday, s.hour, s.tickets, s.waited_p50, s.waited_p90, s.in_hand_p50, s.in_hand_p90
FROM bakery
CROSS JOIN LATERAL stage_times_between((now() AT TIME ZONE bakery.time_zone)::date - 27, (now() AT TIME ZONE bakery.time_zone)::date) AS s;
COMMENT ON VIEW stage_times IS 'How long tickets waited and were in hand in the last 28 days, in seconds. For other days use stage_times_between(first, last).';
COMMENT ON COLUMN stage_times.stage IS 'The stage.';
COMMENT ON COLUMN stage_times.weekday IS 'The day of the week on which they were done, 1 for Monday to 7; null in the row that is about all of them.';
COMMENT ON COLUMN stage_times.hour IS 'The hour of the bakery''s clock in which they were done; null in the row that is about all of them.';
COMMENT ON COLUMN stage_times.tickets IS 'How many tickets were done.';
COMMENT ON COLUMN stage_times.waited_p50 IS 'Half of them did not wait longer than this; null if it is known of none.';
COMMENT ON COLUMN stage_times.waited_p90 IS 'Nine of ten did not wait longer than this.';
COMMENT ON COLUMN stage_times.in_hand_p50 IS 'Half of them were not in hand longer than this.';
COMMENT ON COLUMN stage_times.in_hand_p90 IS 'Nine of ten were not in hand longer than this.';

-- What is usual on a day: what half of its stage's tickets did not exceed in the 28 days
-- that end with it, on the same weekday if there were at least 20, else on all. Only those
-- that count are sorted.
-- +goose StatementBegin
CREATE FUNCTION usual_times(of_day date)
RETURNS TABLE (stage text, tickets bigint, same_weekday boolean, waited_seconds double precision, in_hand_seconds double precision)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH weekdays AS MATERIALIZED (
    SELECT t.stage, t.waited_seconds, t.in_hand_seconds
    FROM bakery b
    CROSS JOIN generate_series(0, 3) AS week (ago)
    JOIN tickets t ON t.ended_at >= day_start(of_day - week.ago * 7, b.time_zone) AND t.ended_at < day_start(of_day - week.ago * 7 + 1, b.time_zone)
    WHERE t.kind = 'make'
), enough AS MATERIALIZED (
    SELECT w.stage FROM weekdays w GROUP BY w.stage HAVING count(*) >= 20
), counted AS (
    SELECT w.stage, true AS same_weekday, w.waited_seconds, w.in_hand_seconds
    FROM weekdays w
    WHERE w.stage IN (SELECT e.stage FROM enough e)
    UNION ALL
    SELECT t.stage, false, t.waited_seconds, t.in_hand_seconds
    FROM bakery b
    JOIN tickets t ON t.ended_at >= day_start(of_day - 27, b.time_zone) AND t.ended_at < day_start(of_day + 1, b.time_zone)
    WHERE t.kind = 'make' AND t.stage NOT IN (SELECT e.stage FROM enough e)
)
SELECT c.stage, count(*), c.same_weekday,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY c.waited_seconds),
    percentile_disc(0.5) WITHIN GROUP (ORDER BY c.in_hand_seconds)
FROM counted c
GROUP BY c.stage, c.same_weekday;
END;
-- +goose StatementEnd
COMMENT ON FUNCTION usual_times IS 'What is usual on a day, for each stage: the median of the 28 days that end with it, of the same weekday if there were at least 20 tickets.';

-- Why was this order late. The time that an order has lost is told apart:
--
--   remake      from its first ticket until the first of its last pass: that work was thrown away
--   decision    while a manager was asked
--   silence     while whoever had a ticket in hand did not say anything, until they were heard of or taken over from
--   failure     while work was in hand that failed, and was then tried again
--   queue       what its tickets waited or were in hand longer than usual, without the above
--   late-order  by how much less time there was, from its being placed until it was due, than its stages usually take
--
-- Silence, failure and queue are of the last pass; a time that belongs to two belongs to
-- the one that comes first here. The cause is what has cost most, and of two that have cost
-- the same the first. If none has cost anything, it is the queue.

-- An attempt that is followed by another sooner than four times the time for an answer
-- ended in silence if somebody had the ticket in hand: at four times it is issued again
-- whoever works on it.
-- +goose StatementBegin
CREATE FUNCTION silent_seconds(of_order uuid, of_ticket text) RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
SELECT coalesce(sum(silence.seconds), 0)
FROM (
    SELECT coalesce(sum(extract(epoch FROM least(before.within, again.issued_at - h.from_at))), 0)
        + coalesce(extract(epoch FROM CASE
            WHEN h.ended = 'taken over' THEN h.until_at - max(again.issued_at)
            WHEN h.until_at IS NULL THEN least(greatest(now() - max(again.issued_at), interval '0'), min(before.within))
        END), 0) AS seconds
    FROM holds h
    JOIN attempts again ON again.order_key = h.order_key AND again.ticket = h.ticket
        AND again.issued_at > h.from_at AND (h.until_at IS NULL OR again.issued_at < h.until_at)
    JOIN LATERAL (
        SELECT a.issued_at, a.ack_by - a.issued_at AS within
        FROM attempts a
        WHERE a.order_key = again.order_key AND a.ticket = again.ticket AND a.attempt < again.attempt
        ORDER BY a.attempt DESC
        LIMIT 1
    ) AS before ON before.within > interval '0' AND again.issued_at - before.issued_at < before.within * 3.9
    WHERE h.order_key = of_order AND h.ticket = of_ticket
    GROUP BY h.hold, h.ended, h.until_at
) AS silence;
END;
-- +goose StatementEnd
COMMENT ON FUNCTION silent_seconds IS 'How long whoever had a ticket in hand was silent, in seconds, as far as its being issued again shows.';

-- An order that was ended in Temporal may be erased while its question is open.
CREATE VIEW question_times AS
SELECT q.order_key, q.asked_at, q.stage, q.pass, q.undoing,
    extract(epoch FROM greatest(coalesce(q.closed_at, e.erased_at, now()) - q.asked_at, interval '0'))::double precision AS asked_seconds
FROM questions q
LEFT JOIN erasures e ON e.order_key = q.order_key;
COMMENT ON VIEW question_times IS 'How long managers were asked, a row for each question. Ask for an order.';
COMMENT ON COLUMN question_times.order_key IS 'The order.';
COMMENT ON COLUMN question_times.asked_at IS 'When they were asked.';
COMMENT ON COLUMN question_times.stage IS 'The stage that it was about.';
COMMENT ON COLUMN question_times.pass IS 'The pass.';
COMMENT ON COLUMN question_times.undoing IS 'Whether it was about undoing the stage''s work.';
COMMENT ON COLUMN question_times.asked_seconds IS 'How long they were asked, or are so far, in seconds.';

-- +goose StatementBegin
CREATE FUNCTION steps_of_order(of_order uuid, usual jsonb)
RETURNS TABLE (ticket text, stage text, pass integer, kind text, state text, worker text, issued_at timestamptz,
    waited_seconds double precision, usual_waited_seconds double precision,
    in_hand_seconds double precision, usual_in_hand_seconds double precision, extra_seconds double precision,
    failures integer, failed_seconds double precision, silent_seconds double precision, asked_seconds double precision)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
SELECT t.ticket, t.stage, t.pass, t.kind, t.state, t.worker, t.issued_at,
    times.waited, times.usual_waited, times.in_hand, times.usual_in_hand,
    CASE WHEN t.kind = 'make' THEN coalesce(times.waited - times.usual_waited, 0) + coalesce(times.in_hand - times.usual_in_hand, 0)
        ELSE coalesce(times.waited, 0) + coalesce(times.in_hand, 0) END,
    t.failures,
    coalesce((
        SELECT sum(extract(epoch FROM greatest(h.until_at - h.from_at, interval '0')))
        FROM holds h
        WHERE h.order_key = t.order_key AND h.ticket = t.ticket AND h.ended = 'failed'
    ), 0)::double precision,
    silent_seconds(t.order_key, t.ticket),
    coalesce((
        SELECT sum(q.asked_seconds)
        FROM question_times q
        WHERE q.order_key = t.order_key AND q.stage = t.stage AND q.pass = t.pass AND q.undoing = (t.kind = 'undo')
    ), 0)
FROM tickets t
CROSS JOIN LATERAL (
    SELECT coalesce(t.waited_seconds,
            CASE WHEN t.is_open AND t.started_at IS NULL AND t.issued_at IS NOT NULL
                THEN greatest(extract(epoch FROM now() - t.issued_at), 0) END::double precision) AS waited,
        coalesce(t.in_hand_seconds,
            CASE WHEN t.is_open AND t.started_at IS NOT NULL
                THEN greatest(extract(epoch FROM now() - t.started_at), 0) END::double precision) AS in_hand,
        CASE WHEN t.kind = 'make' THEN (usual -> t.stage ->> 0)::double precision END AS usual_waited,
        CASE WHEN t.kind = 'make' THEN (usual -> t.stage ->> 1)::double precision END AS usual_in_hand
) AS times
WHERE t.order_key = of_order;
END;
-- +goose StatementEnd
COMMENT ON FUNCTION steps_of_order IS 'order_steps of one order, against what is usual: for each stage how many seconds its tickets wait and are in hand.';

-- The usual times of a day are looked up once for all its orders.
CREATE VIEW order_days AS
SELECT d.day, o.order_key, late_seconds(o.state, o.due_at, o.ready_at, o.withdrawn_at) AS late_seconds, usual.times AS usual
FROM days d
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_object_agg(u.stage, jsonb_build_array(u.waited_seconds, u.in_hand_seconds)), '{}') AS times
    FROM usual_times(d.day) AS u
) AS usual
JOIN orders o ON coalesce(o.due_at, o.placed_at, o.first_recorded_at) >= d.starts_at
    AND coalesce(o.due_at, o.placed_at, o.first_recorded_at) < d.ends_at;
COMMENT ON VIEW order_days IS 'The day that each order belongs to, and what is usual on it.';
COMMENT ON COLUMN order_days.day IS 'The day.';
COMMENT ON COLUMN order_days.order_key IS 'The order.';
COMMENT ON COLUMN order_days.late_seconds IS 'By how much it was late or is so far, in seconds; 0 if it is not.';
COMMENT ON COLUMN order_days.usual IS 'For each stage how many seconds its tickets usually wait and are in hand: see usual_times.';

CREATE VIEW order_steps AS
SELECT d.day, d.order_key, s.ticket, s.stage, s.pass, s.kind, s.state, s.worker, s.issued_at,
    s.waited_seconds, s.usual_waited_seconds, s.in_hand_seconds, s.usual_in_hand_seconds, s.extra_seconds,
    s.failures, s.failed_seconds, s.silent_seconds, s.asked_seconds
FROM order_days d
CROSS JOIN LATERAL steps_of_order(d.order_key, d.usual) AS s;
COMMENT ON VIEW order_steps IS 'Each order''s time, told ticket by ticket against what is usual. Ask for an order or for a day.';
COMMENT ON COLUMN order_steps.day IS 'The day that the order belongs to.';
COMMENT ON COLUMN order_steps.order_key IS 'The order.';
COMMENT ON COLUMN order_steps.ticket IS 'The ticket.';
COMMENT ON COLUMN order_steps.stage IS 'The stage.';
COMMENT ON COLUMN order_steps.pass IS 'The pass.';
COMMENT ON COLUMN order_steps.kind IS 'make, or undo.';
COMMENT ON COLUMN order_steps.state IS 'The ticket''s state.';
COMMENT ON COLUMN order_steps.worker IS 'Who ended it, or has it in hand.';
COMMENT ON COLUMN order_steps.issued_at IS 'When it was issued first; null if that is not known.';
COMMENT ON COLUMN order_steps.waited_seconds IS 'How long it waited, or waits so far; null if that is not known.';
COMMENT ON COLUMN order_steps.usual_waited_seconds IS 'How long tickets usually wait there; null if that is not known, and for undo tickets.';
COMMENT ON COLUMN order_steps.in_hand_seconds IS 'How long it was in hand, or is so far; null if that is not known.';
COMMENT ON COLUMN order_steps.usual_in_hand_seconds IS 'How long tickets usually are in hand there; null if that is not known, and for undo tickets.';
COMMENT ON COLUMN order_steps.extra_seconds IS 'By how much it took longer than usual; below 0 if it was faster. Undoing is extra altogether.';
COMMENT ON COLUMN order_steps.failures IS 'How often work on it failed.';
COMMENT ON COLUMN order_steps.failed_seconds IS 'How long work was in hand that then failed.';
COMMENT ON COLUMN order_steps.silent_seconds IS 'How long whoever had it in hand was silent.';
COMMENT ON COLUMN order_steps.asked_seconds IS 'How long a manager was asked about it, or is so far; it waited or was in hand meanwhile.';

CREATE VIEW order_delays AS
SELECT d.day, o.order_key, o.pickup_code, o.placed_at, o.due_at, o.ready_at, d.late_seconds,
    CASE WHEN d.late_seconds > 0 THEN named.cause ELSE 'none' END AS cause,
    CASE WHEN d.late_seconds > 0 THEN named.stage END AS stage,
    lost.remake_seconds, lost.decision_seconds, lost.silence_seconds, lost.failure_seconds, lost.queue_seconds, lost.late_order_seconds
FROM order_days d
JOIN orders o ON o.order_key = d.order_key
CROSS JOIN LATERAL (
    SELECT greatest(
            coalesce(extract(epoch FROM min(s.issued_at) FILTER (WHERE s.is_last AND s.kind = 'make')
                - min(s.issued_at) FILTER (WHERE NOT s.is_last AND s.kind = 'make')), 0)
            - coalesce(sum(s.asked_seconds) FILTER (WHERE NOT s.is_last), 0), 0)::double precision AS remake_seconds,
        coalesce((SELECT sum(q.asked_seconds) FROM question_times q WHERE q.order_key = o.order_key), 0) AS decision_seconds,
        coalesce(sum(s.silence) FILTER (WHERE s.is_last), 0) AS silence_seconds,
        coalesce(sum(s.failed_seconds) FILTER (WHERE s.is_last), 0) AS failure_seconds,
        coalesce(sum(s.queue) FILTER (WHERE s.is_last), 0) AS queue_seconds,
        greatest(coalesce((
            SELECT sum(coalesce((d.usual -> route.stage ->> 0)::double precision, 0) + coalesce((d.usual -> route.stage ->> 1)::double precision, 0))
            FROM unnest(o.route) AS route (stage)
        ) - extract(epoch FROM o.due_at - o.placed_at), 0), 0)::double precision AS late_order_seconds,
        (array_agg(s.stage ORDER BY s.silence DESC, s.issued_at, s.ticket COLLATE "C") FILTER (WHERE s.is_last))[1] AS silence_stage,
        (array_agg(s.stage ORDER BY s.failed_seconds DESC, s.issued_at, s.ticket COLLATE "C") FILTER (WHERE s.is_last))[1] AS failure_stage,
        (array_agg(s.stage ORDER BY s.queue DESC, s.lasted DESC, s.issued_at, s.ticket COLLATE "C") FILTER (WHERE s.is_last))[1] AS queue_stage,
        max(s.pass) FILTER (WHERE s.kind = 'make') AS last_pass
    FROM (
        SELECT s.*, s.pass = max(s.pass) FILTER (WHERE s.kind = 'make') OVER () AS is_last,
            greatest(s.silent_seconds - s.asked_seconds, 0) AS silence,
            CASE WHEN s.kind = 'make'
                THEN greatest(s.extra_seconds - greatest(s.silent_seconds, s.asked_seconds) - s.failed_seconds, 0) ELSE 0 END AS queue,
            coalesce(s.waited_seconds, 0) + coalesce(s.in_hand_seconds, 0) AS lasted
        FROM steps_of_order(o.order_key, d.usual) AS s
    ) AS s
) AS lost
CROSS JOIN LATERAL (
    SELECT cause.cause, cause.stage
    FROM (VALUES
        (1, 'remake', lost.remake_seconds, (
            SELECT why.stage
            FROM (
                SELECT f.stage, f.failed_at AS at
                FROM failures f
                JOIN tickets t ON t.order_key = f.order_key AND t.ticket = f.ticket
                WHERE f.order_key = o.order_key AND t.pass < lost.last_pass
                UNION ALL
                SELECT q.stage, q.asked_at FROM questions q
                WHERE q.order_key = o.order_key AND q.choice = 'remake' AND q.pass < lost.last_pass
            ) AS why
            ORDER BY why.at DESC, why.stage COLLATE "C"
            LIMIT 1
        )),
        (2, 'decision', lost.decision_seconds, (
            SELECT q.stage FROM question_times q
            WHERE q.order_key = o.order_key
            ORDER BY q.asked_seconds DESC, q.asked_at
            LIMIT 1
        )),
        (3, 'silence', lost.silence_seconds, lost.silence_stage),
        (4, 'failure', lost.failure_seconds, lost.failure_stage),
        (5, 'queue', lost.queue_seconds, coalesce(lost.queue_stage, o.route[1])),
        (6, 'late-order', lost.late_order_seconds, NULL)
    ) AS cause (rank, cause, seconds, stage)
    ORDER BY cause.seconds DESC, cause.seconds = 0 AND cause.cause <> 'queue', cause.rank
    LIMIT 1
) AS named;
COMMENT ON VIEW order_delays IS 'Why each order was late. Ask for an order or for a day. How the cause is chosen stands in docs/ledger.md.';
COMMENT ON COLUMN order_delays.day IS 'The day that it belongs to.';
COMMENT ON COLUMN order_delays.order_key IS 'The order.';
COMMENT ON COLUMN order_delays.pickup_code IS 'Its code.';
COMMENT ON COLUMN order_delays.placed_at IS 'When it was placed; null if that is not known.';
COMMENT ON COLUMN order_delays.due_at IS 'When it was due; null if that is not known.';
COMMENT ON COLUMN order_delays.ready_at IS 'When it was ready; null while it is not.';
COMMENT ON COLUMN order_delays.late_seconds IS 'By how much it was late or is so far; 0 if it is not.';
COMMENT ON COLUMN order_delays.cause IS 'What has cost it most time: queue, remake, silence, failure, decision or late-order; none if it is not late.';
COMMENT ON COLUMN order_delays.stage IS 'Where that happened; null if it was at no stage, and if it is not late.';
COMMENT ON COLUMN order_delays.remake_seconds IS 'From its first ticket until the first of its last pass, in seconds, without the time for decisions.';
COMMENT ON COLUMN order_delays.decision_seconds IS 'How long a manager was asked, or is so far.';
COMMENT ON COLUMN order_delays.silence_seconds IS 'How long whoever had its tickets in hand was silent, until a manager was asked.';
COMMENT ON COLUMN order_delays.failure_seconds IS 'How long work was in hand that failed and was tried again.';
COMMENT ON COLUMN order_delays.queue_seconds IS 'What its tickets waited or were in hand longer than usual, without the above.';
COMMENT ON COLUMN order_delays.late_order_seconds IS 'By how much less time there was than its stages usually take.';

CREATE VIEW late_orders AS
SELECT d.day, d.order_key, d.pickup_code, d.due_at, d.ready_at, d.late_seconds, d.cause, d.stage
FROM order_delays d
WHERE d.late_seconds > 0;
COMMENT ON VIEW late_orders IS 'The orders that were late, or are so far, each with the cause.';
COMMENT ON COLUMN late_orders.day IS 'The day that it belongs to.';
COMMENT ON COLUMN late_orders.order_key IS 'The order.';
COMMENT ON COLUMN late_orders.pickup_code IS 'Its code.';
COMMENT ON COLUMN late_orders.due_at IS 'When it was due.';
COMMENT ON COLUMN late_orders.ready_at IS 'When it was ready; null while it is not.';
COMMENT ON COLUMN late_orders.late_seconds IS 'By how much it was late or is so far, in seconds.';
COMMENT ON COLUMN late_orders.cause IS 'What has cost it most time: see order_delays.';
COMMENT ON COLUMN late_orders.stage IS 'Where that happened; null if it was at no stage.';

-- The forecast.

CREATE VIEW flavour_days AS
SELECT d.day, extract(isodow FROM d.day)::integer AS weekday, f.flavour, f.pieces
FROM days d
CROSS JOIN LATERAL (
    SELECT l.flavour, sum(l.quantity) AS pieces
    FROM orders o
    CROSS JOIN LATERAL (SELECT * FROM order_lines l WHERE l.order_key = o.order_key OFFSET 0) AS l
    WHERE coalesce(o.due_at, o.placed_at, o.first_recorded_at) >= d.starts_at
        AND coalesce(o.due_at, o.placed_at, o.first_recorded_at) < d.ends_at
        AND o.state NOT IN ('cancelling', 'cancelled')
    GROUP BY l.flavour
) AS f;
COMMENT ON VIEW flavour_days IS 'How many pieces of each flavour each day''s orders were.';
COMMENT ON COLUMN flavour_days.day IS 'The day.';
COMMENT ON COLUMN flavour_days.weekday IS 'Its day of the week, 1 for Monday to 7.';
COMMENT ON COLUMN flavour_days.flavour IS 'The flavour.';
COMMENT ON COLUMN flavour_days.pieces IS 'Pieces of the day''s orders that are not cancelled.';

-- Days on which nothing was ordered do not count: the bakery was closed.
-- +goose StatementBegin
CREATE FUNCTION forecast(of_day date)
RETURNS TABLE (flavour text, weeks bigint, pieces bigint, low bigint, high bigint, ordered bigint)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH past AS (
    SELECT f.day, f.flavour, f.pieces
    FROM bakery b
    CROSS JOIN LATERAL (SELECT least(of_day, (now() AT TIME ZONE b.time_zone)::date) AS day) AS before
    JOIN flavour_days f ON f.day >= before.day - 56 AND f.day < before.day AND (of_day - f.day) % 7 = 0
), counted AS (
    SELECT count(DISTINCT past.day) AS weeks FROM past
), each AS (
    SELECT past.flavour, past.pieces, true AS is_past FROM past
    UNION ALL
    SELECT f.flavour, f.pieces, false FROM flavour_days f WHERE f.day = of_day
)
SELECT each.flavour, counted.weeks,
    coalesce(round(sum(each.pieces) FILTER (WHERE each.is_past) / nullif(counted.weeks, 0)), 0)::bigint,
    CASE WHEN count(*) FILTER (WHERE each.is_past) < counted.weeks THEN 0
        ELSE coalesce(min(each.pieces) FILTER (WHERE each.is_past), 0) END::bigint,
    coalesce(max(each.pieces) FILTER (WHERE each.is_past), 0)::bigint,
    coalesce(sum(each.pieces) FILTER (WHERE NOT each.is_past), 0)::bigint
FROM each
CROSS JOIN counted
GROUP BY each.flavour, counted.weeks;
END;
-- +goose StatementEnd
COMMENT ON FUNCTION forecast IS 'How many pieces of each flavour a day is likely to need, from the same weekday of the eight weeks before: the mean, the least and the most, and what is ordered for it already. weeks is how many of them had orders.';

-- Who holds up the others.

CREATE VIEW bottleneck_now AS
SELECT load.stage, load.waiting, load.in_hand, load.asked, load.oldest_waiting_seconds, load.arrived_last_hour, load.done_last_hour,
    load.typical_in_hand_seconds, load.people,
    CASE WHEN load.waiting = 0 THEN 0
        ELSE load.waiting / nullif(greatest(load.done_last_hour / 3600.0, greatest(load.people, 1) / nullif(load.typical_in_hand_seconds, 0)), 0)
    END::double precision AS clear_seconds
FROM (
    SELECT happened.stage,
        count(*) FILTER (WHERE happened.what = 'waiting') AS waiting,
        count(*) FILTER (WHERE happened.what = 'in hand') AS in_hand,
        count(*) FILTER (WHERE happened.what = 'asked') AS asked,
        extract(epoch FROM now() - min(least(happened.at, now())) FILTER (WHERE happened.what = 'waiting' AND happened.at IS NOT NULL))::double precision AS oldest_waiting_seconds,
        count(*) FILTER (WHERE happened.what = 'issued') AS arrived_last_hour,
        count(*) FILTER (WHERE happened.what = 'ended' AND happened.at > now() - interval '1 hour') AS done_last_hour,
        percentile_disc(0.5) WITHIN GROUP (ORDER BY happened.in_hand_seconds) AS typical_in_hand_seconds,
        count(DISTINCT happened.worker) AS people
    FROM (
        SELECT t.stage, CASE
                WHEN EXISTS (
                    SELECT FROM questions q
                    WHERE q.order_key = t.order_key AND q.stage = t.stage AND q.pass = t.pass AND q.undoing = (t.kind = 'undo') AND q.closed_at IS NULL
                ) THEN 'asked'
                WHEN t.state = 'started' THEN 'in hand'
                ELSE 'waiting'
            END AS what, t.issued_at AS at, NULL::double precision AS in_hand_seconds, NULL::text AS worker
        FROM tickets t WHERE t.is_open
        UNION ALL
        SELECT t.stage, 'issued', t.issued_at, NULL, NULL
        FROM tickets t WHERE t.issued_at > now() - interval '1 hour'
        UNION ALL
        SELECT t.stage, 'ended', t.ended_at, CASE WHEN t.kind = 'make' THEN t.in_hand_seconds END, NULL
        FROM tickets t WHERE t.ended_at > now() - interval '7 days'
        UNION ALL
        SELECT t.stage, 'by', t.ended_at, NULL, t.worker
        FROM tickets t WHERE t.ended_at > now() - interval '15 minutes'
    ) AS happened
    GROUP BY happened.stage
) AS load;
COMMENT ON VIEW bottleneck_now IS 'How the stages stand now: those at which something waits, or ended within seven days. The bottleneck needs longest to clear what waits.';
COMMENT ON COLUMN bottleneck_now.stage IS 'The stage.';
COMMENT ON COLUMN bottleneck_now.waiting IS 'Tickets that nobody has in hand, without those that are asked.';
COMMENT ON COLUMN bottleneck_now.in_hand IS 'Tickets that somebody has in hand, without those that are asked.';
COMMENT ON COLUMN bottleneck_now.asked IS 'Tickets about which a manager is asked: they wait for a decision, and not for the stage.';
COMMENT ON COLUMN bottleneck_now.oldest_waiting_seconds IS 'How long the oldest of those that are waiting waits; null if there is none.';
COMMENT ON COLUMN bottleneck_now.arrived_last_hour IS 'Tickets issued first within the last hour.';
COMMENT ON COLUMN bottleneck_now.done_last_hour IS 'Tickets that ended within the last hour.';
COMMENT ON COLUMN bottleneck_now.typical_in_hand_seconds IS 'How long half of the last seven days'' tickets were in hand at most; null if that is not known.';
COMMENT ON COLUMN bottleneck_now.people IS 'How many people and robots have ended a ticket there within the last 15 minutes.';
COMMENT ON COLUMN bottleneck_now.clear_seconds IS 'How long it takes to clear what waits: at the pace of the last hour or, if that is quicker, with those people (at least one) at the typical time. Null if nobody can say.';

-- Batches.

CREATE VIEW traced_tickets AS
SELECT t.order_key, t.ticket, t.stage, t.pass, t.worker, t.started_at, t.ended_at, t.pieces, l.flavours, o.pickup_code, o.state, o.collected_at
FROM tickets t
JOIN orders o ON o.order_key = t.order_key
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(DISTINCT l.flavour ORDER BY l.flavour), '{}') AS flavours
    FROM order_lines l
    WHERE l.order_key = t.order_key
) AS l
WHERE t.kind = 'make' AND t.ended_at IS NOT NULL;
COMMENT ON VIEW traced_tickets IS 'What was made when and by whom, and which order it was for: what was thrown away later too. Ask for a stage and times of ended_at. Who the customer is stands in "personal".';
COMMENT ON COLUMN traced_tickets.order_key IS 'The order.';
COMMENT ON COLUMN traced_tickets.ticket IS 'The ticket.';
COMMENT ON COLUMN traced_tickets.stage IS 'The stage.';
COMMENT ON COLUMN traced_tickets.pass IS 'The pass.';
COMMENT ON COLUMN traced_tickets.worker IS 'Who has done it.';
COMMENT ON COLUMN traced_tickets.started_at IS 'When they have begun; null if that is not known.';
COMMENT ON COLUMN traced_tickets.ended_at IS 'When it was done.';
COMMENT ON COLUMN traced_tickets.pieces IS 'How many pieces.';
COMMENT ON COLUMN traced_tickets.flavours IS 'Of which flavours.';
COMMENT ON COLUMN traced_tickets.pickup_code IS 'The order''s code.';
COMMENT ON COLUMN traced_tickets.state IS 'Where the order stands.';
COMMENT ON COLUMN traced_tickets.collected_at IS 'When it was handed out; null if that is not known.';

-- Who takes a tray from the oven says so of all its tickets at once.
CREATE VIEW tray_tickets AS
SELECT d.day, t.stage, t.worker, t.tray, t.order_key, t.ticket, t.pieces, t.ended_at
FROM days d
CROSS JOIN LATERAL (
    SELECT t.*, count(*) FILTER (WHERE t.is_first) OVER (PARTITION BY t.stage, t.worker ORDER BY t.ended_at, t.order_key, t.ticket) AS tray
    FROM (
        SELECT t.stage, t.worker, t.order_key, t.ticket, t.pieces, t.ended_at,
            coalesce(t.ended_at - lag(t.ended_at) OVER (PARTITION BY t.stage, t.worker ORDER BY t.ended_at, t.order_key, t.ticket) > interval '2 seconds', true) AS is_first
        FROM tickets t
        WHERE t.ended_at >= d.starts_at AND t.ended_at < d.ends_at AND t.kind = 'make'
    ) AS t
) AS t;
COMMENT ON VIEW tray_tickets IS 'Which tickets were on one tray: those of a stage that the same person has ended, each within two seconds of the next. Ask for a day; a tray over midnight is two here, and one for tray_of(order_key, ticket).';
COMMENT ON COLUMN tray_tickets.day IS 'The day on which they were done.';
COMMENT ON COLUMN tray_tickets.stage IS 'The stage.';
COMMENT ON COLUMN tray_tickets.worker IS 'Who has done them.';
COMMENT ON COLUMN tray_tickets.tray IS 'Which of that person''s trays there on that day it was, from 1.';
COMMENT ON COLUMN tray_tickets.order_key IS 'The order.';
COMMENT ON COLUMN tray_tickets.ticket IS 'The ticket.';
COMMENT ON COLUMN tray_tickets.pieces IS 'How many pieces.';
COMMENT ON COLUMN tray_tickets.ended_at IS 'When it was done.';

CREATE VIEW trays AS
SELECT t.day, t.stage, t.worker, t.tray, min(t.ended_at) AS first_ended_at, max(t.ended_at) AS last_ended_at, count(*) AS tickets, sum(t.pieces) AS pieces
FROM tray_tickets t
GROUP BY t.day, t.stage, t.worker, t.tray;
COMMENT ON VIEW trays IS 'The trays of tray_tickets, a row each.';
COMMENT ON COLUMN trays.day IS 'The day on which it was done.';
COMMENT ON COLUMN trays.stage IS 'The stage.';
COMMENT ON COLUMN trays.worker IS 'Who has done it.';
COMMENT ON COLUMN trays.tray IS 'Which of that person''s trays there on that day it was, from 1.';
COMMENT ON COLUMN trays.first_ended_at IS 'When its first ticket was done.';
COMMENT ON COLUMN trays.last_ended_at IS 'When its last ticket was done.';
COMMENT ON COLUMN trays.tickets IS 'How many tickets.';
COMMENT ON COLUMN trays.pieces IS 'How many pieces.';

-- +goose StatementBegin
CREATE FUNCTION tray_of(of_order uuid, of_ticket text) RETURNS TABLE (order_key uuid, ticket text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH RECURSIVE tray AS (
    SELECT t.order_key, t.ticket, t.stage, t.worker, t.ended_at
    FROM tickets t
    WHERE t.order_key = of_order AND t.ticket = of_ticket AND t.kind = 'make' AND t.ended_at IS NOT NULL
    UNION
    SELECT mate.order_key, mate.ticket, mate.stage, mate.worker, mate.ended_at
    FROM tray
    CROSS JOIN LATERAL (
        SELECT t.order_key, t.ticket, t.stage, t.worker, t.ended_at
        FROM tickets t
        WHERE t.ended_at >= tray.ended_at - interval '2 seconds' AND t.ended_at <= tray.ended_at + interval '2 seconds'
            AND t.stage = tray.stage AND t.worker = tray.worker AND t.kind = 'make'
        OFFSET 0
    ) AS mate
)
SELECT tray.order_key, tray.ticket FROM tray;
END;
-- +goose StatementEnd
COMMENT ON FUNCTION tray_of IS 'The tickets that were on the same tray as one, with itself; none if it is not done.';

-- +goose Down
DROP FUNCTION tray_of, forecast;
DROP VIEW trays, tray_tickets, traced_tickets, bottleneck_now, flavour_days, late_orders, order_delays, order_steps, order_days, stage_times;
DROP FUNCTION steps_of_order;
DROP VIEW question_times;
DROP FUNCTION silent_seconds, usual_times, stage_times_between;
DROP VIEW cancellations, day_hours, day_people, day_waste, day_flavour_revenue, day_flavours, day_revenue, day_figures, made_tickets, ledger_read, days;
DROP FUNCTION late_seconds, day_start;
DROP INDEX orders_cancelled, orders_ready, orders_day, tickets_issued, tickets_ended;
CREATE INDEX tickets_ended ON tickets (ended_at, stage);
