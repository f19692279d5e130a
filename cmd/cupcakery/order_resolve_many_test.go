package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// asked is an order in a list that a manager is asked about; n makes its id.
func asked(n int, attention kitchen.Attention) wire.OrderSummary {
	attention.Pass, attention.Since = 1, time.Date(2026, 1, 31, 12, n, 0, 500, time.UTC)
	if attention.Choices == nil {
		attention.Choices = kitchen.Choices()
	}
	return wire.OrderSummary{
		ID: fmt.Sprintf("0199c0de-7a11-7000-8000-%012d", n), PickupCode: fmt.Sprintf("K7Q%d", n), State: kitchen.StateNeedsAttention,
		Customer: kitchen.Customer{Name: "Ada"}, Flavours: []string{"lemon"}, Attention: &attention,
	}
}

func silentAtMix(by string) kitchen.Attention {
	return kitchen.Attention{Cause: kitchen.CauseSilent, Stage: kitchen.Mix, By: by, Reason: by + " started mix and has not finished"}
}

// desk is an API with these orders, one a page, that answers for each with what
// comes next.
func desk(t *testing.T, list []wire.OrderSummary, decisions map[string][]http.HandlerFunc, now map[string]kitchen.Status) *fakeAPI {
	t.Helper()
	var fake *fakeAPI
	fake = newFakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
		id, decides := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/api/v1/orders/"), "/resolve")
		switch {
		case r.URL.Path == "/api/v1/orders":
			page := wire.OrderPage{Orders: list[:min(1, len(list))]}
			if at := slices.IndexFunc(list, func(o wire.OrderSummary) bool { return o.ID == r.URL.Query().Get("pageToken") }); at >= 0 {
				page.Orders = list[at : at+1]
			}
			if len(page.Orders) > 0 {
				if at := slices.IndexFunc(list, func(o wire.OrderSummary) bool { return o.ID == page.Orders[0].ID }); at+1 < len(list) {
					page.NextPageToken = list[at+1].ID
				}
			}
			answerJSON(http.StatusOK, page)(w, r)
		case decides:
			fake.mu.Lock()
			answer := answerJSON(http.StatusOK, aStatus())
			if rest := decisions[id]; len(rest) > 0 {
				answer, decisions[id] = rest[0], rest[1:]
			}
			fake.mu.Unlock()
			answer(w, r)
		default:
			answerJSON(http.StatusOK, now[id])(w, r)
		}
	})
	return fake
}

// decisions are the decisions that an API was sent, by the order's id.
func (f *fakeAPI) decisions(t *testing.T) (sent map[string][]kitchen.Resolution, keys []string) {
	t.Helper()
	sent = map[string][]kitchen.Resolution{}
	for i, request := range f.requests {
		id, decides := strings.CutSuffix(strings.TrimPrefix(request.URL.Path, "/api/v1/orders/"), "/resolve")
		if !decides {
			continue
		}
		var decision kitchen.Resolution
		require.NoError(t, json.Unmarshal([]byte(f.bodies[i]), &decision))
		sent[id] = append(sent[id], decision)
		keys = append(keys, request.Header.Get("Idempotency-Key"))
	}
	slices.Sort(keys)
	return sent, slices.Compact(keys)
}

func TestQuestionsOfOneKindAreListedTogether(t *testing.T) {
	t.Parallel()
	calm := asked(9, kitchen.Attention{})
	calm.State, calm.Attention = kitchen.StateInProgress, nil
	fake := desk(t, []wire.OrderSummary{
		asked(1, silentAtMix("Mia")),
		asked(2, kitchen.Attention{Cause: kitchen.CauseUndoFailed, Stage: kitchen.Bake, Undoing: true, By: "Bo's oven", ReasonCode: "equipment", Reason: "bake cannot be undone", Choices: []kitchen.Choice{kitchen.ChoiceRetry, kitchen.ChoiceCancel}}),
		calm,
		asked(3, silentAtMix("Mia")),
		asked(4, kitchen.Attention{Stage: kitchen.Mix, Reason: "nobody has answered"}),
		asked(5, kitchen.Attention{Cause: kitchen.CauseSilent, Stage: kitchen.Mix, Undoing: true, By: "Mia", Reason: "\x1b[31mMia is silent"}),
	}, nil, nil)
	c := invoke(t, "", "order", "list", "--api", fake.URL)
	require.Equal(t, 0, c.code, c.stderr)
	_, questions, found := strings.Cut(c.stdout, "\n\n")
	require.True(t, found)
	require.Equal(t, `2 orders: mix: silent, Mia
  K7Q1 K7Q3
  Mia started mix and has not finished
  cupcakery order resolve-many --cause silent --stage mix --by Mia --choice retry # or remake or cancel
1 order: undoing bake: undo-failed, equipment, Bo's oven
  K7Q2
  bake cannot be undone
  cupcakery order resolve-many --cause undo-failed --stage bake --by 'Bo'\''s oven' --reason equipment --choice retry # or cancel
1 order: mix: a question of an older build
  K7Q4
  nobody has answered
  cupcakery order resolve-many --stage mix --choice retry # or remake or cancel
1 order: undoing mix: silent, Mia
  K7Q5
  \u001b[31mMia is silent
  cupcakery order resolve-many --cause silent --stage mix --undoing --by Mia --choice retry # or remake or cancel
`, questions)

	fake = desk(t, []wire.OrderSummary{calm}, nil, nil)
	c = invoke(t, "", "order", "list", "--api", fake.URL)
	require.NotContains(t, c.stdout, "\n\n", "nothing is asked")
}

func TestQuestionsOfOneKindAreDecidedTogether(t *testing.T) {
	t.Parallel()
	list := func() []wire.OrderSummary {
		return []wire.OrderSummary{
			asked(1, silentAtMix("Mia")),
			asked(2, silentAtMix("Moe")),
			asked(3, silentAtMix("Mia")),
			asked(4, kitchen.Attention{Cause: kitchen.CauseSilent, Stage: kitchen.Mix, By: "Mia", Undoing: true}),
			asked(5, kitchen.Attention{Cause: kitchen.CauseFailed, Stage: kitchen.Mix, By: "Mia", ReasonCode: "burnt"}),
			asked(6, silentAtMix("Mia")),
		}
	}
	args := []string{"order", "resolve-many", "--cause", "silent", "--stage", "mix", "--by", "Mia", "--choice", "retry"}
	id := func(n int) string { return list()[n-1].ID }
	refused := problemOf(http.StatusConflict, "refused", "The order cannot be changed like this")

	t.Run("AfterAYes", func(t *testing.T) {
		t.Parallel()
		fake := desk(t, list(), map[string][]http.HandlerFunc{id(3): {hangUp}}, nil)
		c := invoke(t, "yes\n", append(args, "--note", "she is back", "--api", fake.URL)...)
		require.Equal(t, 0, c.code, c.stderr)
		require.Contains(t, c.stderr, "3 orders: mix: silent, Mia\n  K7Q1 K7Q3 K7Q6\n")
		require.Contains(t, c.stderr, "Decide retry for 3 orders? Type yes: ")
		require.Equal(t, "K7Q1  "+id(1)+"  decided\nK7Q3  "+id(3)+"  decided\nK7Q6  "+id(6)+"  decided\n3 orders are decided.\n", c.stdout)
		require.Equal(t, "needs-attention", fake.requests[0].URL.Query().Get("state"))
		sent, keys := fake.decisions(t)
		require.Len(t, keys, 1, "one key for all")
		for _, n := range []int{1, 3, 6} {
			want := kitchen.Resolution{Choice: kitchen.ChoiceRetry, Note: "she is back", Since: list()[n-1].Attention.Since}
			times := 1
			if n == 3 {
				times = 2 // its answer got lost
			}
			require.Equal(t, slices.Repeat([]kitchen.Resolution{want}, times), sent[id(n)], "the question that was found, and no other")
		}
		require.Len(t, sent, 3, "no other order is touched")
	})
	t.Run("NotWithoutAYes", func(t *testing.T) {
		t.Parallel()
		for _, answer := range []string{"", "no\n", "y\n"} {
			fake := desk(t, list(), nil, nil)
			c := invoke(t, answer, append(args, "--api", fake.URL)...)
			require.Equal(t, exitRefused, c.code)
			require.Contains(t, c.stderr, "nothing was decided; where nobody can answer, add --yes")
			sent, _ := fake.decisions(t)
			require.Empty(t, sent)
		}
	})
	t.Run("ADryRunDecidesNothing", func(t *testing.T) {
		t.Parallel()
		fake := desk(t, list(), nil, nil)
		c := invoke(t, "", append(args, "--dry-run", "-o", "json", "--api", fake.URL)...)
		require.Equal(t, 0, c.code, c.stderr)
		require.JSONEq(t, fmt.Sprintf(`{"matched":3,"decided":0,"meanwhile":0,"failed":0,"orders":[
			{"id":%q,"pickupCode":"K7Q1","outcome":"matches"},{"id":%q,"pickupCode":"K7Q3","outcome":"matches"},{"id":%q,"pickupCode":"K7Q6","outcome":"matches"}]}`,
			id(1), id(3), id(6)), c.stdout)
		sent, _ := fake.decisions(t)
		require.Empty(t, sent)
	})
	t.Run("WhatWasDecidedMeanwhileIsNoFailure", func(t *testing.T) {
		t.Parallel()
		another := inTrouble()
		another.Attention.Since = list()[2].Attention.Since.Add(time.Minute)
		fake := desk(t, list(), map[string][]http.HandlerFunc{id(1): {refused}, id(3): {refused}}, map[string]kitchen.Status{id(1): aStatus(), id(3): another})
		c := invoke(t, "", append(args, "--yes", "-o", "json", "--api", fake.URL)...)
		require.Equal(t, 0, c.code, c.stderr)
		require.JSONEq(t, fmt.Sprintf(`{"matched":3,"decided":1,"meanwhile":2,"failed":0,"orders":[
			{"id":%q,"pickupCode":"K7Q1","outcome":"meanwhile","detail":"the question was answered meanwhile"},
			{"id":%q,"pickupCode":"K7Q3","outcome":"meanwhile","detail":"the question was answered meanwhile"},
			{"id":%q,"pickupCode":"K7Q6","outcome":"decided"}]}`, id(1), id(3), id(6)), c.stdout)
	})
	t.Run("WhatCannotBeDecidedSaysWhyAndKeepsNoOther", func(t *testing.T) {
		t.Parallel()
		open := inTrouble()
		open.Attention = list()[0].Attention
		fake := desk(t, list(), map[string][]http.HandlerFunc{id(1): {refused}}, map[string]kitchen.Status{id(1): open})
		c := invoke(t, "", append(args, "--yes", "--api", fake.URL)...)
		require.Equal(t, exitFailed, c.code)
		require.Contains(t, c.stdout, "K7Q1  "+id(1)+"  failed: The order cannot be changed like this: why\n")
		require.Contains(t, c.stdout, "2 orders are decided.\n")
		_, keys := fake.decisions(t)
		require.Contains(t, c.stderr, "1 order could not be decided: to ask again, repeat the command with --idempotency-key "+keys[0])
	})
	t.Run("OnceTwoDoNotAnswerNoMoreAreAsked", func(t *testing.T) {
		t.Parallel()
		var many []wire.OrderSummary
		decisions := map[string][]http.HandlerFunc{}
		away := problemOf(http.StatusServiceUnavailable, "unavailable", "No answer in time")
		for n := range 9 * resolveAtOnce {
			many = append(many, asked(n, silentAtMix("Mia")))
			decisions[many[n].ID] = []http.HandlerFunc{away, away}
		}
		fake := desk(t, many, decisions, nil)
		c := invoke(t, "", append(args, "--yes", "--api", fake.URL)...)
		require.Equal(t, exitFailed, c.code)
		require.Contains(t, c.stdout, "failed: No answer in time: why\n")
		require.Contains(t, c.stdout, "failed: it was not asked, because others gave no answer\n")
		require.Contains(t, c.stdout, "0 orders are decided.\n")
		sent, _ := fake.decisions(t)
		require.Less(t, len(sent), len(many))
	})
	t.Run("NoneMatches", func(t *testing.T) {
		t.Parallel()
		fake := desk(t, list(), nil, nil)
		c := invoke(t, "", "order", "resolve-many", "--reason", "no-such", "--choice", "retry", "--api", fake.URL)
		require.Equal(t, 0, c.code, c.stderr)
		require.Equal(t, "0 orders match.\n", c.stdout)
	})
	t.Run("WhatIsAlwaysAboutUndoingNeedsNoFlag", func(t *testing.T) {
		t.Parallel()
		fake := desk(t, []wire.OrderSummary{asked(1, kitchen.Attention{Cause: kitchen.CauseLateWork, Stage: kitchen.Bake, Undoing: true})}, nil, nil)
		c := invoke(t, "", "order", "resolve-many", "--cause", "late-work", "--choice", "cancel", "--dry-run", "--api", fake.URL)
		require.Contains(t, c.stdout, "1 order matches.\n")
	})
}

func TestWhichQuestionsAreDecidedMustBeSaid(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"NoFilter":        {[]string{"--choice", "retry"}, "which questions? Give at least one of --cause"},
		"OnlyUndoing":     {[]string{"--undoing", "--choice", "retry"}, "which questions? Give at least one of --cause"},
		"AnUnsetVariable": {[]string{"--cause", "silent", "--by", "", "--choice", "retry"}, "--by is empty"},
		"AnotherCause":    {[]string{"--cause", "lazy", "--choice", "retry"}, `--cause "lazy": use one of silent, failed`},
		"NoChoice":        {[]string{"--cause", "silent"}, "what is decided? Give --choice"},
		"AnotherChoice":   {[]string{"--cause", "silent", "--choice", "wait"}, "choice: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := newFakeAPI(t, hangUp)
			said := invoke(t, "", append(append([]string{"order", "resolve-many"}, c.args...), "--api", fake.URL)...)
			require.Equal(t, exitUsage, said.code)
			require.Contains(t, said.stderr, c.says)
			require.Empty(t, fake.requests)
		})
	}
}
