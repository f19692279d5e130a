package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

// placed starts orders whose workflows nobody works on, of customers with these names.
func (b *bakery) placed(names ...string) (ids []string) {
	b.t.Helper()
	for _, name := range names {
		order := sampleOrder()
		order.Customer.Name = name
		in := workflows.OrderInput{Order: order, PlacedAt: now()}
		id, err := kitchen.NewOrderID()
		require.NoError(b.t, err)
		_, err = unstaffed.ExecuteWorkflow(b.t.Context(), workflows.StartOptions(id, in, "hash"), workflows.OrderWorkflowType, in)
		require.NoError(b.t, err)
		b.found(name, 1)
		ids = append(ids, id)
	}
	return ids
}

func TestAnOrderIsFoundByWhatItsCustomerSays(t *testing.T) {
	t.Parallel()
	b := &bakery{t: t, server: newTestServer(t, unstaffed, func(c *Config) { c.Staff = managers })}
	mark := strings.ReplaceAll(uuid.NewString(), "-", "")[:12]
	ids := b.placed("Björn "+mark, "Bjorn Ångström "+mark, "Ada "+mark)
	code := kitchen.PickupCode(ids[2])
	for name, c := range map[string]struct {
		filters []string
		want    []string
	}{
		"ByAPartOfTheName":     {[]string{"q", "BJO " + mark}, ids[:2]},
		"WithoutAccents":       {[]string{"q", "angstrom " + mark}, ids[1:2]},
		"WithAccents":          {[]string{"q", "Björn Ångström " + mark}, ids[1:2]},
		"ByTheCode":            {[]string{"q", strings.ToLower(code)}, ids[2:]},
		"ByNobodysName":        {[]string{"q", "Bob " + mark}, nil},
		"Today":                {[]string{"q", mark, "day", "today"}, ids},
		"OnAnotherDay":         {[]string{"q", mark, "day", "2031-05-06"}, nil},
		"ByTheStateToo":        {[]string{"q", mark, "state", "in-progress"}, ids},
		"ByAnotherState":       {[]string{"q", mark, "state", "cancelled"}, nil},
		"NotOfAnotherCustomer": {[]string{"q", code, "customer", "Bob"}, nil},
		"WithSpacesAround":     {[]string{"q", "  ada  " + mark + " "}, ids[2:]},
		"AtAStageWithoutALog":  {[]string{"q", mark, "stage", "mix"}, nil},
		"ByAWordInTheMiddleOf": {[]string{"q", "ngstr " + mark[2:]}, ids[1:2]},
	} {
		require.ElementsMatch(t, c.want, idsOf(b.list(c.filters...)), name)
	}
	found := b.list("q", "ada "+mark).Orders[0]
	require.Equal(t, sampleOrder().Lines, found.Lines)
	require.Equal(t, sampleOrder().Allergies, found.Allergies)
}

func TestPagesOfASearchHaveEachOrderOnce(t *testing.T) {
	t.Parallel()
	b := &bakery{t: t, server: newTestServer(t, unstaffed, func(c *Config) { c.Staff = managers })}
	mark := strings.ReplaceAll(uuid.NewString(), "-", "")[:12]
	want := b.placed("A "+mark, "B "+mark, "C "+mark, "D "+mark, "E "+mark)
	var got []string
	var tokens []string
	for token := ""; ; {
		filters := []string{"q", mark, "limit", "2"}
		if token != "" {
			filters = append(filters, "pageToken", token)
		}
		page := b.list(filters...)
		require.LessOrEqual(t, len(page.Orders), 2)
		got = append(got, idsOf(page)...)
		if token = page.NextPageToken; token == "" {
			break
		}
		b.placed("Later " + uuid.NewString()) // moves every other order of Temporal's page
		tokens = append(tokens, token)
	}
	require.ElementsMatch(t, want, got)
	for name, filters := range map[string][]string{
		"OfAnotherName": {"q", "a" + mark, "pageToken", tokens[0]},
		"OfAnotherDay":  {"q", mark, "day", "today", "pageToken", tokens[0]},
		"OfAnotherList": {"pageToken", tokens[0]},
	} {
		problem := requireProblem(t, do(t, b.server, b.listRequest(filters...)), wire.ProblemInvalidParameter)
		require.Equal(t, "pageToken", problem.Errors[0].Parameter, name)
	}
}

// The order for later was placed days before, and belongs to the day on which it is
// fetched.
func TestAnOrderForLaterBelongsToItsDay(t *testing.T) {
	t.Parallel()
	s := openShop(t, staffed, bakeryWithSlots(t))
	mark := strings.ReplaceAll(uuid.NewString(), "-", "")[:12]
	day, slots := s.aDay()
	order := orderAt(slots[12].At, 1)
	order.Customer.Name = "Later " + mark
	id := s.taken(order)
	find := func(day string) []string {
		answer, err := s.ListOrdersWithResponse(t.Context(), &wire.ListOrdersParams{Q: &mark, Day: &day})
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, answer.StatusCode(), string(answer.Body))
		return idsOf(*answer.JSON200)
	}
	require.Eventually(t, func() bool { return len(find(day.String())) == 1 }, patience, 20*time.Millisecond)
	require.Equal(t, []string{id}, find(day.String()))
	require.Empty(t, find("today"))
	require.Empty(t, find(day.Next().String()))

	answer, err := s.CancelOrderWithResponse(t.Context(), id, &wire.CancelOrderParams{}, kitchen.Cancellation{})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode(), string(answer.Body))
	require.Eventually(t, func() bool {
		listed, err := s.ListOrdersWithResponse(t.Context(), &wire.ListOrdersParams{Q: &mark, Day: new(day.String()), State: new(kitchen.StateCancelled)})
		return err == nil && listed.JSON200 != nil && len(listed.JSON200.Orders) == 1
	}, patience, 20*time.Millisecond, "also once it was cancelled, days before")
}

func TestASearchThatCannotBe(t *testing.T) {
	t.Parallel()
	b := &bakery{t: t, server: newTestServer(t, untouchedTemporal{}, func(c *Config) { c.Staff = managers })}
	for name, c := range map[string]struct {
		filters []string
		says    string
	}{
		"Blank":             {[]string{"q", "  "}, "must not be blank"},
		"ADayThatIsNot":     {[]string{"day", "2026-02-30"}, "no such day"},
		"ADayInOtherDigits": {[]string{"day", "30.2.2026"}, ""},
	} {
		problem := requireProblem(t, do(t, b.server, b.listRequest(c.filters...)), wire.ProblemInvalidParameter)
		require.Equal(t, c.filters[0], problem.Errors[0].Parameter, name)
		require.Contains(t, problem.Errors[0].Detail, c.says, name)
	}
}

// Neither Temporal nor the calendar is asked about days before its beginning or after its
// end.
func TestADayThatNoBakeryHasIsRefused(t *testing.T) {
	t.Parallel()
	b := &bakery{t: t, server: newTestServer(t, unstaffed, func(c *Config) { c.Staff = managers })}
	for _, day := range []string{"0000-01-01", "0001-01-01", "0001-01-02", "1969-12-31", "3000-01-01", "9999-12-30", "9999-12-31"} {
		for _, path := range []string{"/api/v1/orders?day=" + day, "/api/v1/slots?day=" + day} {
			problem := requireProblem(t, do(t, b.server, b.as("bob", newRequest(http.MethodGet, path, nil))), wire.ProblemInvalidParameter)
			require.Contains(t, problem.Errors[0].Detail, "give one of the years 1970 to 2999", path)
		}
	}
	for _, day := range []string{"1970-01-01", "2999-12-31"} {
		require.Equal(t, http.StatusOK, do(t, b.server, b.as("bob", newRequest(http.MethodGet, "/api/v1/orders?day="+day, nil))).Code, day)
	}
}
