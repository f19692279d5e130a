package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func cancelledPage(matched, cancelled int, next string, failed ...map[string]any) http.HandlerFunc {
	if failed == nil {
		failed = []map[string]any{}
	}
	page := map[string]any{"matched": matched, "cancelled": cancelled, "failed": failed}
	if next != "" {
		page["nextPageToken"] = next
	}
	return answerJSON(http.StatusOK, page)
}

func TestManyOrdersAreCancelledPageByPage(t *testing.T) {
	t.Parallel()
	const before = "2026-01-31T12:00:00Z"
	args := []string{"order", "cancel-many", "--min-pieces", "5000", "--customer", "Flood", "--placed-before", before, "--reason", "a flood"}
	const where = `"where":{"customer":"Flood","minPieces":5000,"placedBefore":"2026-01-31T12:00:00Z"},"reason":"a flood"`
	t.Run("AfterAYes", func(t *testing.T) {
		t.Parallel()
		fake := newFakeAPI(t, cancelledPage(100, 0, "two"), cancelledPage(3, 0, ""), cancelledPage(50, 50, "two"), hangUp, cancelledPage(53, 53, ""))
		c := invoke(t, "yes\n", append(args, "--api", fake.URL)...)
		require.Equal(t, 0, c.code, c.stderr)
		require.Contains(t, c.stderr, "Cancel 103 orders? Type yes: ")
		require.Equal(t, "103 orders are being cancelled.\n", c.stdout)
		require.Len(t, fake.requests, 5)
		require.JSONEq(t, `{`+where+`,"dryRun":true,"limit":100}`, fake.bodies[0])
		require.JSONEq(t, `{`+where+`,"dryRun":true,"limit":100,"pageToken":"two"}`, fake.bodies[1])
		require.JSONEq(t, `{`+where+`}`, fake.bodies[2])
		require.JSONEq(t, `{`+where+`,"pageToken":"two"}`, fake.bodies[3])
		require.Equal(t, fake.bodies[3], fake.bodies[4], "what got no answer is sent again")
		for _, request := range fake.requests {
			require.Equal(t, "POST /api/v1/orders/cancel", request.Method+" "+request.URL.Path)
			require.Equal(t, fake.requests[0].Header.Get("Idempotency-Key"), request.Header.Get("Idempotency-Key"))
		}
	})
	t.Run("NotWithoutAYes", func(t *testing.T) {
		t.Parallel()
		for _, answer := range []string{"", "\n", "no\n", "y\n"} {
			fake := newFakeAPI(t, cancelledPage(1, 0, ""))
			c := invoke(t, answer, append(args, "--api", fake.URL)...)
			require.Equal(t, exitRefused, c.code)
			require.Contains(t, c.stderr, "Cancel 1 order? Type yes: ")
			require.Contains(t, c.stderr, "nothing was cancelled; where nobody can answer, add --yes")
			require.Len(t, fake.requests, 1)
		}
	})
	t.Run("WhatCannotBeIsTold", func(t *testing.T) {
		t.Parallel()
		failed := map[string]any{"id": anOrderID, "pickupCode": "K7QF", "detail": "It was shipped."}
		fake := newFakeAPI(t, cancelledPage(2, 0, ""), cancelledPage(2, 1, "", failed))
		c := invoke(t, "", append(args, "--yes", "--api", fake.URL)...)
		require.Equal(t, exitFailed, c.code)
		require.Equal(t, "K7QF  "+anOrderID+"  It was shipped.\n1 order is being cancelled.\n", c.stdout)
		key := fake.requests[1].Header.Get("Idempotency-Key")
		require.Contains(t, c.stderr, "1 order could not be cancelled: to ask again, repeat the command with --idempotency-key "+key+" --placed-before "+before)
		require.Len(t, fake.requests, 2, "it has its answer")
	})
	t.Run("WhatWasNotAskedIsAskedAgainBeforeTheNextPage", func(t *testing.T) {
		t.Parallel()
		notAsked := map[string]any{"id": anOrderID, "pickupCode": "K7QF", "detail": "It was not asked.", "askAgain": true}
		away := problemOf(http.StatusServiceUnavailable, "unavailable", "No answer in time")
		cancelled := answerJSON(http.StatusOK, map[string]any{"id": anOrderID})
		refused := problemOf(http.StatusConflict, "refused", "The order cannot be changed like this")
		fake := newFakeAPI(t, cancelledPage(9, 0, ""),
			cancelledPage(6, 3, "two", notAsked, notAsked, notAsked), away, cancelled, refused,
			cancelledPage(3, 0, "", notAsked, notAsked, notAsked), away, away)
		c := invoke(t, "", append(args, "--yes", "--api", fake.URL)...)
		require.Equal(t, exitFailed, c.code)
		require.Contains(t, c.stdout, "The order cannot be changed like this: why\n")
		require.Contains(t, c.stdout, "4 orders are being cancelled.\n")
		require.Contains(t, c.stderr, "5 orders could not be cancelled")
		require.Len(t, fake.requests, 8, "two in a row have not answered: the third is not asked")
		require.Equal(t, "/api/v1/orders/"+anOrderID+"/cancel", fake.requests[2].URL.Path)
		require.JSONEq(t, `{"reason":"a flood"}`, fake.bodies[2])
		for _, request := range fake.requests {
			require.Equal(t, fake.requests[0].Header.Get("Idempotency-Key"), request.Header.Get("Idempotency-Key"))
		}
	})
	t.Run("ADryRunCancelsNothing", func(t *testing.T) {
		t.Parallel()
		fake := newFakeAPI(t, cancelledPage(7, 0, ""))
		c := invoke(t, "", append(args, "--dry-run", "-o", "json", "--api", fake.URL)...)
		require.Equal(t, 0, c.code, c.stderr)
		require.JSONEq(t, `{"matched":7,"cancelled":0,"failed":[]}`, c.stdout)
		require.Len(t, fake.requests, 1)
	})
	t.Run("NoneMatches", func(t *testing.T) {
		t.Parallel()
		fake := newFakeAPI(t, cancelledPage(0, 0, ""))
		c := invoke(t, "", append(args, "--api", fake.URL)...)
		require.Equal(t, 0, c.code, c.stderr)
		require.Equal(t, "0 orders match.\n", c.stdout)
	})
}

func TestWhichOrdersAreCancelledMustBeSaid(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"NoFilter":        {[]string{"--reason", "a flood"}, "which orders? Give at least one of --state"},
		"AnUnsetVariable": {[]string{"--customer", "", "--min-pieces", "5", "--reason", "a flood"}, "--customer is empty"},
		"NoReason":        {[]string{"--customer", "Flood"}, "why? Give --reason"},
		"NoTime":          {[]string{"--placed-after", "yesterday", "--reason", "a flood"}, `--placed-after "yesterday": give a time with its zone`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := newFakeAPI(t, hangUp)
			said := invoke(t, "", append(append([]string{"order", "cancel-many"}, c.args...), "--api", fake.URL)...)
			require.Equal(t, exitUsage, said.code)
			require.Contains(t, said.stderr, c.says)
			require.Empty(t, fake.requests)
		})
	}
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{"": "", "90m": "2026-01-31T10:30:00Z", "2026-01-31T13:00:00+01:00": "2026-01-31T12:00:00Z"} {
		at, err := timeOf("placed-after", text, now)
		require.NoError(t, err)
		require.Equal(t, want, at)
	}
	var many cancelMany
	cmd := newOrderCancelManyCommand()
	require.NoError(t, cmd.Flags().Set("customer", "Flood"))
	many.reason = "a flood"
	require.NoError(t, many.check(cmd, now))
	require.Equal(t, "2026-01-31T12:00:00Z", many.where.PlacedBefore, "what is placed from now on is left alone")
}

func TestAFullKitchenIsNotAskedAgainAtOnce(t *testing.T) {
	t.Parallel()
	fake := newFakeAPI(t, problemOf(http.StatusServiceUnavailable, "kitchen-full", "The kitchen is full"))
	c := invoke(t, "", "order", "create", "--name", "Ada", "--line", "1xS:lemon", "--api", fake.URL)
	require.Equal(t, exitUnavailable, c.code)
	require.Equal(t, "cupcakery: The kitchen is full: why\n", c.stderr)
	require.Len(t, fake.requests, 1)

	fake = newFakeAPI(t, problemOf(http.StatusTooManyRequests, "too-many-orders", "Too many orders from one address"))
	c = invoke(t, "", "order", "create", "--name", "Ada", "--line", "1xS:lemon", "--api", fake.URL)
	require.Equal(t, exitUnavailable, c.code)
	require.Equal(t, "cupcakery: Too many orders from one address: why\n", c.stderr)
	require.Len(t, fake.requests, 1)
}
