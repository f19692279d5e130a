package api

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/staff"
	"github.com/cupcakery/cupcakery/wire"
)

// unreachableTemporal cannot be reached.
type unreachableTemporal struct{ client.Client }

func (unreachableTemporal) CountWorkflow(context.Context, *workflowservice.CountWorkflowExecutionsRequest) (*workflowservice.CountWorkflowExecutionsResponse, error) {
	return nil, errors.New("away")
}

// nobody stands for somebody who is not signed in.
const nobody kitchen.Role = ""

// TestEachRoleReachesWhatItMayAndNothingElse walks through every route of the
// server with every role, and with nobody signed in.
func TestEachRoleReachesWhatItMayAndNothingElse(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, unreachableTemporal{}, func(c *Config) { c.Encryption, c.Seats = newCodec(t), new(onlySeat) })
	all := append(kitchen.Roles(), nobody)
	// This repeats the table of access, so that a slip in it is found.
	want := map[string][]kitchen.Role{
		"GET /api/v1/orders":              kitchen.Roles(),
		"GET /api/v1/statistics":          kitchen.Roles(),
		"POST /api/v1/orders/:id/resolve": {kitchen.RoleManager},
		"POST /api/v1/orders/cancel":      {kitchen.RoleManager},
		"POST /codec/decode":              {kitchen.RoleManager},
		"POST /codec/encode":              {kitchen.RoleManager},

		"DELETE /demo/seats/:stage": {kitchen.RoleBaker, kitchen.RoleManager},
		"POST /demo/seats/:stage":   {kitchen.RoleBaker, kitchen.RoleManager},
		"PUT /demo/seats/:stage":    {kitchen.RoleBaker, kitchen.RoleManager},

		"DELETE /api/v1/orders/:id/collected":      kitchen.Roles(),
		"PUT /api/v1/orders/:id/collected":         kitchen.Roles(),
		"DELETE /api/v1/orders/:id/rush":           kitchen.Roles(),
		"PUT /api/v1/orders/:id/rush":              kitchen.Roles(),
		"GET /api/v1/kitchen/ready":                kitchen.Roles(),
		"GET /api/v1/kitchen/state":                kitchen.Roles(),
		"GET /api/v1/history/bottleneck":           {kitchen.RoleManager},
		"GET /api/v1/history/days":                 {kitchen.RoleManager},
		"GET /api/v1/history/days/:day":            {kitchen.RoleManager},
		"GET /api/v1/history/forecast":             {kitchen.RoleManager},
		"GET /api/v1/history/orders":               {kitchen.RoleManager},
		"GET /api/v1/history/orders/:id/delay":     {kitchen.RoleManager},
		"GET /api/v1/history/stages":               {kitchen.RoleManager},
		"GET /api/v1/history/trace":                {kitchen.RoleManager},
		"GET /api/v1/wall":                         {kitchen.RoleManager},
		"DELETE /api/v1/kitchen/sold-out/:flavour": kitchen.Roles(),
		"PUT /api/v1/kitchen/sold-out/:flavour":    kitchen.Roles(),
		"DELETE /api/v1/kitchen/paused/:stage":     {kitchen.RoleBaker, kitchen.RoleManager},
		"PUT /api/v1/kitchen/paused/:stage":        {kitchen.RoleBaker, kitchen.RoleManager},
		"DELETE /api/v1/staff/:name/sessions":      {kitchen.RoleManager},

		"GET /api/v1/orders/:id/explanation":        kitchen.Roles(),
		"GET /api/v1/standing-orders":               kitchen.Roles(),
		"POST /api/v1/standing-orders":              {kitchen.RoleManager},
		"DELETE /api/v1/standing-orders/:id":        {kitchen.RoleManager},
		"DELETE /api/v1/standing-orders/:id/paused": {kitchen.RoleManager},
		"PUT /api/v1/standing-orders/:id/paused":    {kitchen.RoleManager},

		"GET /api/v1/stations":                              kitchen.Roles(),
		"GET /api/v1/stations/:stage/tickets":               {kitchen.RoleBaker, kitchen.RoleManager},
		"POST /api/v1/stations/:stage/tickets/:ticket/acks": {kitchen.RoleBaker, kitchen.RoleManager},
	}
	routes := server.routes().Routes()
	require.NotEmpty(t, routes)
	for _, route := range routes {
		name := route.Method + " " + route.Path
		may, staffOnly := want[name]
		if !staffOnly {
			may = all
		}
		for _, role := range all {
			t.Run(name+" as "+string(role), func(t *testing.T) {
				t.Parallel()
				// An unknown parameter and an empty body are refused as soon as the
				// role is accepted, so that the request does nothing.
				target := strings.NewReplacer(":id", "none", ":slug", "none", ":stage", "bake", ":ticket", "none").Replace(route.Path) + "?through=the-door"
				request := newRequest(route.Method, target, nil)
				if role != nobody {
					signInAs(server, role, request)
				}
				recorder := do(t, server, request)
				switch {
				case slices.Contains(may, role):
					require.NotContains(t, []int{http.StatusUnauthorized, http.StatusForbidden}, recorder.Code, recorder.Body.String())
					if strings.HasPrefix(route.Path, "/api/") {
						require.Equal(t, wire.ProblemInvalidParameter, requireProblem(t, recorder, wire.ProblemInvalidParameter).Type)
					}
				case role == nobody:
					requireProblem(t, recorder, wire.ProblemNotSignedIn)
					require.Equal(t, `Session realm="Cupcakery staff"`, recorder.Header().Get("WWW-Authenticate"))
				default:
					problem := requireProblem(t, recorder, wire.ProblemNotAllowed)
					require.Contains(t, problem.Detail, "You are signed in as "+string(role))
				}
			})
		}
	}
}

func TestEveryRouteIsInTheTableAndNothingElseIs(t *testing.T) {
	t.Parallel()
	engine := newTestServer(t, untouchedTemporal{}, func(c *Config) { c.Encryption, c.Seats = newCodec(t), new(onlySeat) }).routes() // so that there is a codec, and a demonstration
	require.NoError(t, checkAccess(engine.Routes()))
	var routes []string
	for _, route := range engine.Routes() {
		routes = append(routes, route.Method+" "+route.Path)
	}
	require.ElementsMatch(t, routes, slices.Collect(maps.Keys(access)))

	engine.GET("/back-door", func(*gin.Context) {})
	require.EqualError(t, checkAccess(engine.Routes()), "nobody has said who may use GET /back-door: add each to the table in api/access.go")
}

// The specification tells its readers who may do what; the table decides.
func TestSpecificationAndTableNameTheSameRoles(t *testing.T) {
	t.Parallel()
	for name, operation := range newTestServer(t, untouchedTemporal{}, nil).contract.operations {
		needed := access[name]
		require.Equal(t, needed.open, operation.Security == nil, name)
		if needed.open {
			require.NotContains(t, operation.Extensions, "x-roles", name)
			continue
		}
		var roles []any
		for _, role := range needed.roles {
			roles = append(roles, string(role))
		}
		require.Equal(t, roles, operation.Extensions["x-roles"], name)
		require.NotNil(t, operation.Responses.Value("401"), name)
		require.NotNil(t, operation.Responses.Value("403"), name)
	}
	requireEnum(t, loadSpec(t).Components.Schemas["Role"].Value, kitchen.Roles())
	pin := loadSpec(t).Components.Schemas["SignIn"].Value.Properties["pin"].Value
	require.Equal(t, kitchen.MinPINLength, int(pin.MinLength))
	require.Equal(t, kitchen.MaxPINLength, int(*pin.MaxLength))
	require.Equal(t, kitchen.MaxByLength, int(*loadSpec(t).Components.Schemas["SignIn"].Value.Properties["name"].Value.MaxLength))
}

func TestAPermissionOfNobodyLetsNobodyThrough(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, nil)
	for _, role := range kitchen.Roles() {
		require.Error(t, server.permit(permission{}, kitchen.Bake, staff.Session{Role: role}, true))
	}
	require.Error(t, server.permit(permission{}, kitchen.Bake, staff.Session{}, false))
	for _, role := range kitchen.Roles() {
		for _, stage := range append(kitchen.Stages(), "cellar") {
			own, works := role.Stage()
			may := role == kitchen.RoleManager || works && own == stage
			require.Equal(t, may, server.permit(ofStage, stage, staff.Session{Role: role}, true) == nil, "%s at %s", role, stage)
		}
	}
	require.Error(t, server.permit(anyRole, "", staff.Session{}, true), "the role of nobody")
}

func TestWithoutStaffWhatIsForStaffIsRefusedWithTheRemedy(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, func(c *Config) { c.Staff = kitchen.Staff{} })
	for _, request := range []*http.Request{
		newRequest(http.MethodGet, "/api/v1/orders", nil),
		newRequest(http.MethodPost, "/api/v1/orders/none/resolve", nil),
		newRequest(http.MethodPost, sessionPath, strings.NewReader(`{"name":"mia","pin":"123456"}`), "Content-Type", "application/json"),
	} {
		problem := requireProblem(t, do(t, server, request), wire.ProblemNoStaff)
		require.Contains(t, problem.Detail, "--staff FILE")
	}
	requireProblem(t, whoAmI(t, server, ""), wire.ProblemNotSignedIn)
	require.Equal(t, http.StatusOK, do(t, server, newRequest(http.MethodGet, "/api/v1/menu", nil)).Code)
}

func TestAnotherSiteCannotActForWhoeverIsSignedIn(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, nil)
	const cancel = "/api/v1/orders/none/cancel" // open to everybody, and refused behind the door
	for name, c := range map[string]struct {
		method, target string
		headers        []string
		signedIn       bool
		crossSite      bool
	}{
		"a page of this server":             {http.MethodPost, cancel, []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://example.com"}, true, false},
		"typed into the address bar":        {http.MethodPost, cancel, []string{"Sec-Fetch-Site", "none"}, true, false},
		"an old browser, this server":       {http.MethodPost, cancel, []string{"Origin", "http://example.com"}, true, false},
		"no browser":                        {http.MethodPost, cancel, nil, true, false},
		"another site":                      {http.MethodPost, cancel, []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, true, true},
		"a neighbour of the same site":      {http.MethodPost, cancel, []string{"Sec-Fetch-Site", "same-site", "Origin", "https://evil.example.com"}, true, true},
		"an old browser, another site":      {http.MethodPost, cancel, []string{"Origin", "https://evil.example"}, true, true},
		"an old browser, another port":      {http.MethodPost, cancel, []string{"Origin", "http://example.com:81"}, true, true},
		"an origin that hides":              {http.MethodPost, cancel, []string{"Origin", "null"}, true, true},
		"another site, nobody signed in":    {http.MethodPost, cancel, []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, false, false},
		"another site only looks":           {http.MethodGet, "/api/v1/menu", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, true, false},
		"another site signs somebody in":    {http.MethodPost, sessionPath, []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, false, true},
		"another site signs somebody out":   {http.MethodDelete, sessionPath, []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, false, true},
		"a page of this server signs in":    {http.MethodPost, sessionPath, []string{"Sec-Fetch-Site", "same-origin"}, false, false},
		"another site with a forged cookie": {http.MethodPost, cancel, []string{"Sec-Fetch-Site", "cross-site", "Cookie", sessionCookie + "=forged"}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := newRequest(c.method, c.target, nil, c.headers...)
			request.Host = "example.com"
			if c.signedIn {
				signInAs(server, kitchen.RoleManager, request)
			}
			recorder := do(t, server, request)
			if c.crossSite {
				requireProblem(t, recorder, wire.ProblemCrossSite)
				return
			}
			require.NotEqual(t, http.StatusForbidden, recorder.Code, recorder.Body.String())
		})
	}
}
