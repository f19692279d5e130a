package kitchen_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
)

func TestAnAckIsDatedByItsRecord(t *testing.T) {
	t.Parallel()
	record := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return record.Add(-d) }
	year := func(y int) time.Time { return time.Date(y, 6, 1, 0, 0, 0, 0, time.UTC) }
	for _, c := range []struct {
		name                  string
		record, at, startedAt time.Time
		wantAt, wantStartedAt time.Time
	}{
		{"WhatCanBeStays", record, ago(time.Minute), ago(time.Hour), ago(time.Minute), ago(time.Hour)},
		{"AFastClockIsTheRecords", record, record.Add(40 * time.Minute), record.Add(30 * time.Minute), record, record},
		{"KafkaCutsOffFractions", record, record.Add(time.Millisecond), time.Time{}, record.Add(time.Millisecond), time.Time{}},
		{"AnAckMayHaveWaitedForKafka", record, ago(4 * time.Hour), ago(5 * time.Hour), ago(4 * time.Hour), ago(5 * time.Hour)},
		{"HoursBeforeIsTheRecords", record, ago(4*time.Hour + 1), time.Time{}, record, time.Time{}},
		{"Year1IsTheRecords", record, year(1), time.Time{}, record, time.Time{}},
		{"Year9999IsTheRecords", record, year(9999), year(9999), record, record},
		{"WorkBeginsBeforeItEnds", record, ago(time.Hour), ago(time.Minute), ago(time.Hour), ago(time.Hour)},
		{"AStartOfYear1IsUnknown", record, record, year(1), record, time.Time{}},
		{"AStartLongAgoIsUnknown", record, record, ago(24*time.Hour + 1), record, time.Time{}},
		{"ARecordMayHaveNoTime", time.Time{}, ago(0), time.Time{}, record, time.Time{}},
		{"ARecordsClockMayBeWrongAsWell", year(9999), year(9998), time.Time{}, year(2100).AddDate(0, -5, 0), time.Time{}},
		{"OrNoTimeAtAll", time.UnixMilli(math.MinInt64), year(1), time.Time{}, year(2000).AddDate(0, -5, 0), time.Time{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ack := kitchen.Ack{At: c.at}
			if !c.startedAt.IsZero() {
				ack.StartedAt = &c.startedAt
			}
			dated := ack.DatedBy(c.record)
			require.Equal(t, c.wantAt, dated.At)
			require.Equal(t, c.at, dated.SaidAt(), "its sender knows it by what it said")
			if c.wantStartedAt.IsZero() {
				require.Nil(t, dated.StartedAt)
			} else {
				require.Equal(t, c.wantStartedAt, *dated.StartedAt)
			}
		})
	}
}

func TestATicketIsDatedByItsRecord(t *testing.T) {
	t.Parallel()
	record := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name                string
		record              time.Time
		issuedAt, ackBy     time.Duration // from the record on
		wantIssued, wantAck time.Duration
	}{
		{"WhatCanBeStays", record, -time.Second, 14 * time.Minute, -time.Second, 14 * time.Minute},
		{"AWorkerTwoHoursSlow", record, -2 * time.Hour, -2*time.Hour + 15*time.Minute, 0, 15 * time.Minute},
		{"AWorkerTwoHoursFast", record, 2 * time.Hour, 2*time.Hour + 15*time.Minute, 0, 15 * time.Minute},
		{"AnAnswerIsNotDueBeforeItsTicket", record, 0, -time.Minute, 0, 0},
		{"NorForEver", record, 0, 1000 * time.Hour, 0, kitchen.MaxAckWithin},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dated := kitchen.Ticket{IssuedAt: record.Add(c.issuedAt), AckBy: record.Add(c.ackBy)}.DatedBy(c.record)
			require.Equal(t, record.Add(c.wantIssued), dated.IssuedAt)
			require.Equal(t, record.Add(c.wantAck), dated.AckBy)
		})
	}
	for name, c := range map[string]struct{ since, want time.Time }{
		"APlaceInTheQueueStays":  {record.Add(-3 * time.Hour), record.Add(-3 * time.Hour)},
		"NobodyQueuesInAdvance":  {record.Add(time.Hour), record.Add(-time.Second)},
		"NorInTheYear1":          {time.Date(1, 6, 1, 0, 0, 0, 0, time.UTC), time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)},
		"AnOlderBuildDoesNotSay": {},
	} {
		ticket := kitchen.Ticket{Since: c.since, IssuedAt: record.Add(-time.Second)}
		require.Equal(t, c.want, ticket.DatedBy(record).Since, name)
	}
	bare := kitchen.Ticket{}.DatedBy(time.Time{})
	require.Zero(t, bare.Since)
	require.Zero(t, bare.AckBy)
	require.Zero(t, bare.AckWithin())
}
