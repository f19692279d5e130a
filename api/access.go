package api

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/cupcakery/cupcakery/floor"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/staff"
	"github.com/cupcakery/cupcakery/wire"
)

// access says who may do what: it has every route of the server, as gin writes
// it, with the permission that it needs. The server does not start with a route
// that is missing here. openapi.yaml tells the same to its readers, in x-roles.
var access = map[string]permission{
	"GET /":               anybody,
	"GET /asyncapi.yaml":  anybody,
	"GET /healthz":        anybody,
	"GET /openapi.yaml":   anybody,
	"GET /problems/:slug": anybody,
	"GET /readyz":         anybody,

	// Pages are for everybody: their scripts ask for what they show.
	"GET /assets/*file":         anybody,
	"GET /attention":            anybody,
	"GET /counter":              anybody,
	"GET /kitchen":              anybody,
	"GET /dashboard":            anybody,
	"GET /find":                 anybody,
	"GET /find/:id":             anybody,
	"GET /history":              anybody,
	"GET /sheet":                anybody,
	"GET /favicon.svg":          anybody,
	"GET /icons/*file":          anybody,
	"GET /manifest.webmanifest": anybody,
	"GET /staff.webmanifest":    anybody,
	"GET /work":                 anybody,
	"GET /orders/:id":           anybody,
	"GET /orders/:id/qr.svg":    anybody,
	"GET /sign-in":              anybody,
	"GET /standing":             anybody,
	"GET /stations/:stage":      anybody,
	"GET /theme.js":             anybody,
	"GET /wall":                 anybody,

	"GET /third-party-notices.txt": anybody,

	"GET /api/v1/menu":       anybody,
	"GET /api/v1/slots":      anybody,
	"POST /api/v1/orders":    anybody,
	"GET /api/v1/orders":     anyRole,
	"GET /api/v1/session":    anybody,
	"POST /api/v1/session":   anybody,
	"DELETE /api/v1/session": anybody,

	"GET /api/v1/session/demo":  anybody,
	"GET /api/v1/session/names": anybody,

	// The operator's token says which screens may follow the counter.
	"GET /api/v1/wall":  managersOnly,
	"POST /api/v1/wall": anybody,

	// The ledger has what every customer has ordered, and what everybody on the staff
	// has done.
	"GET /api/v1/history/bottleneck":       managersOnly,
	"GET /api/v1/history/days":             managersOnly,
	"GET /api/v1/history/days/:day":        managersOnly,
	"GET /api/v1/history/forecast":         managersOnly,
	"GET /api/v1/history/orders":           managersOnly,
	"GET /api/v1/history/orders/:id/delay": managersOnly,
	"GET /api/v1/history/stages":           managersOnly,
	"GET /api/v1/history/trace":            managersOnly,

	"GET /api/v1/pace":       anybody,
	"GET /api/v1/statistics": anyRole,

	// Whoever has an order's id may see and change the order: the id is the
	// customer's capability.
	"GET /api/v1/orders/:id":             anybody,
	"GET /api/v1/orders/:id/explanation": anyRole,

	"POST /api/v1/orders/:id/amend":  anybody,
	"POST /api/v1/orders/:id/cancel": anybody,

	"POST /api/v1/orders/:id/resolve": managersOnly,
	"POST /api/v1/orders/cancel":      managersOnly,

	"DELETE /api/v1/orders/:id/collected": anyRole,
	"PUT /api/v1/orders/:id/collected":    anyRole,
	"DELETE /api/v1/orders/:id/rush":      anyRole,
	"PUT /api/v1/orders/:id/rush":         anyRole,

	"GET /api/v1/kitchen/ready":                anyRole,
	"GET /api/v1/kitchen/state":                anyRole,
	"DELETE /api/v1/kitchen/paused/:stage":     ofStage,
	"PUT /api/v1/kitchen/paused/:stage":        ofStage,
	"DELETE /api/v1/kitchen/sold-out/:flavour": anyRole,
	"PUT /api/v1/kitchen/sold-out/:flavour":    anyRole,
	"DELETE /api/v1/staff/:name/sessions":      managersOnly,

	"GET /api/v1/standing-orders":               anyRole,
	"POST /api/v1/standing-orders":              managersOnly,
	"DELETE /api/v1/standing-orders/:id":        managersOnly,
	"DELETE /api/v1/standing-orders/:id/paused": managersOnly,
	"PUT /api/v1/standing-orders/:id/paused":    managersOnly,

	"GET /api/v1/stations":                              anyRole,
	"GET /api/v1/stations/:stage/tickets":               ofStage,
	"POST /api/v1/stations/:stage/tickets/:ticket/acks": ofStage,

	// Only where orders are encrypted. A browser asks with OPTIONS before a page of
	// Temporal's UI may send anything.
	"OPTIONS /codec/decode": anybody,
	"OPTIONS /codec/encode": anybody,
	"POST /codec/decode":    managersOnly,
	"POST /codec/encode":    managersOnly,

	// Only in a demonstration with robots.
	"DELETE /demo/seats/:stage": ofStage,
	"POST /demo/seats/:stage":   ofStage,
	"PUT /demo/seats/:stage":    ofStage,

	// Each channel has a permission of its own: see mayFollow.
	"GET /api/v1/live": anybody,
}

// mayFollow is the permission that a live connection needs for a channel. The
// overview of a demonstration is for everybody, and so is its counter.
func (s *Server) mayFollow(channel string) permission {
	switch {
	case channel == floor.ChannelKitchen:
		return anyRole
	case channel == floor.ChannelOverview || channel == floor.ChannelCounter:
		if len(s.demo) > 0 {
			return anybody
		}
		return anyRole
	case strings.HasPrefix(channel, floor.ChannelStation):
		return ofStage
	}
	return anybody // an order, the menu, or no channel at all
}

var (
	anybody = permission{open: true}
	anyRole = permission{roles: kitchen.Roles()}
	ofStage = permission{roles: kitchen.Roles(), ofStage: true}
	// managersOnly is for what decides about orders, or shows all of them.
	managersOnly = permission{roles: []kitchen.Role{kitchen.RoleManager}}
)

// permission is who may use a route. The zero value is nobody.
type permission struct {
	// open lets everybody in, whether signed in or not.
	open bool
	// roles may use it if it is not open.
	roles []kitchen.Role
	// ofStage lets in only those of them who work at the stage in question.
	ofStage bool
}

// checkAccess returns an error that names every route without a permission.
func checkAccess(routes gin.RoutesInfo) error {
	var missing []string
	for _, route := range routes {
		if _, found := access[route.Method+" "+route.Path]; !found {
			missing = append(missing, route.Method+" "+route.Path)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return fmt.Errorf("nobody has said who may use %s: add each to the table in api/access.go", strings.Join(missing, ", "))
	}
	return nil
}

// authorise lets a request through to its route if it is permitted, and
// remembers whose it is.
func (s *Server) authorise(c *gin.Context) {
	if c.FullPath() == "" {
		return // no such route; the answer is 404 or 405
	}
	s.shareWithTemporalUI(c)
	if err := s.checkOrigin(c); err != nil {
		s.fail(c, err)
		return
	}
	session, signedIn := s.readSession(c.Request)
	if !signedIn {
		session, signedIn = s.sessions.Read(codecToken(c))
	}
	if signedIn {
		c.Set(sessionKey, session)
	}
	if err := s.permit(access[c.Request.Method+" "+c.FullPath()], kitchen.Stage(c.Param("stage")), session, signedIn); err != nil {
		s.fail(c, err)
	}
}

// checkOrigin refuses requests of another site that act for somebody who is
// signed in here, or sign somebody in. SameSite=Strict should have kept the
// cookie out of them; this check also holds in browsers that do not know
// SameSite, and against other ports of this host. Browsers send Sec-Fetch-Site
// or Origin; a request with neither does not come from a browser.
func (s *Server) checkOrigin(c *gin.Context) error {
	if len(c.Request.CookiesNamed(sessionCookie)) == 0 && c.FullPath() != sessionPath || s.isTemporalUI(c) {
		return nil
	}
	if err := s.crossOrigin.Check(c.Request); err != nil {
		return &problemError{Type: wire.ProblemCrossSite, Cause: err,
			Detail: "This request acts for somebody who is signed in here, and comes from another site: open this server's own pages. A proxy in front of the server must pass the Host header on."}
	}
	return nil
}

// permit returns an error unless the permission covers the person, and the
// stage if it is about one.
func (s *Server) permit(needed permission, stage kitchen.Stage, session staff.Session, signedIn bool) error {
	switch {
	case needed.open:
		return nil
	case !s.sessions.HasStaff():
		return staff.ErrNoStaff
	case !signedIn:
		return &problemError{Type: wire.ProblemNotSignedIn, Detail: fmt.Sprintf("This is for staff: sign in with POST %s.", sessionPath)}
	case !slices.Contains(needed.roles, session.Role):
		roles := make([]string, len(needed.roles))
		for i, role := range needed.roles {
			roles[i] = string(role)
		}
		return &problemError{Type: wire.ProblemNotAllowed, Detail: fmt.Sprintf("You are signed in as %s; this is for a %s.", session.Role, alternatives(roles))}
	case needed.ofStage && !session.Role.WorksAt(stage):
		return &problemError{Type: wire.ProblemNotAllowed, Detail: fmt.Sprintf("You are signed in as %s; this belongs to another station. It is for those who work there, and for managers.", session.Role)}
	}
	return nil
}
