package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	requestIDHeader = "X-Request-Id"
	requestIDKey    = "cupcakery.request-id"
	// requestWithin is how long a request may take; the calls that it makes have
	// shorter limits of their own.
	requestWithin = 15 * time.Second
)

var requestIDForm = regexp.MustCompile(`^[0-9A-Za-z._-]{1,64}$`)

// orderIDForm finds order ids in texts of others.
var orderIDForm = regexp.MustCompile(`[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}`)

// withoutOrderIDs is an error's text for the log: an order's id is its
// customer's capability, and Temporal's errors repeat it.
func withoutOrderIDs(err error) string {
	return orderIDForm.ReplaceAllString(err.Error(), "…")
}

// route is the pattern by which a request was routed. It is never the path,
// which may have an order's id.
func route(c *gin.Context) string {
	if c.FullPath() == "" {
		return "none"
	}
	return c.FullPath()
}

func requestID(c *gin.Context) string { return c.GetString(requestIDKey) }

// identify gives the request an id, or takes the one that a proxy gave it.
func identify(c *gin.Context) {
	id := c.GetHeader(requestIDHeader)
	if !requestIDForm.MatchString(id) {
		id = uuid.NewString()
	}
	c.Set(requestIDKey, id)
	c.Header(requestIDHeader, id)
}

// protect sets headers on every answer. Addresses have order ids in them, so no
// answer may be stored or give its address away.
func protect(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	c.Header("Referrer-Policy", "no-referrer")
	c.Header("X-Content-Type-Options", "nosniff")
	c.Header("Content-Security-Policy", contentPolicy)
	c.Header("Cross-Origin-Opener-Policy", "same-origin")
	c.Header("Cross-Origin-Resource-Policy", "same-origin")
}

// observe logs and measures requests. Probes are logged at debug.
func (s *Server) observe(c *gin.Context) {
	start := time.Now()
	c.Next()
	took := time.Since(start)
	if c.Writer.Status() != http.StatusSwitchingProtocols { // that would measure how long a page stays open
		s.metrics.requests.WithLabelValues(knownMethod(c.Request.Method), route(c), strconv.Itoa(c.Writer.Status())).Observe(took.Seconds())
	}
	level := slog.LevelInfo
	switch c.FullPath() {
	case "/healthz", "/readyz":
		level = slog.LevelDebug
	}
	s.logger.LogAttrs(c.Request.Context(), level, "request",
		slog.String("method", knownMethod(c.Request.Method)),
		slog.String("route", route(c)),
		slog.Int("status", c.Writer.Status()),
		slog.Duration("took", took),
		slog.String("request_id", requestID(c)))
}

// knownMethod keeps made-up methods out of logs and labels.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

// recover turns a panic into a problem that does not describe it; the log does.
func (s *Server) recover(c *gin.Context) {
	defer func() {
		reason := recover()
		if reason == nil {
			return
		}
		if err, is := reason.(error); is && errors.Is(err, http.ErrAbortHandler) {
			panic(reason) // net/http drops the connection
		}
		s.logger.LogAttrs(c.Request.Context(), slog.LevelError, "a request panicked",
			slog.String("route", route(c)), slog.String("request_id", requestID(c)),
			slog.String("stack", string(debug.Stack())))
		s.fail(c, fmt.Errorf("panic: %v", reason))
		c.Abort()
	}()
	c.Next()
}

// limitTime gives the request's context a deadline. A live connection does not
// use it.
func limitTime(c *gin.Context) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), requestWithin)
	defer cancel()
	c.Request = c.Request.WithContext(ctx)
	c.Next()
}

// checkContract refuses what openapi.yaml does not allow.
func (s *Server) checkContract(c *gin.Context) {
	if err := s.contract.check(c); err != nil {
		s.fail(c, err)
	}
}

// notFound answers a person with a page, and a program with a problem.
func (s *Server) notFound(c *gin.Context) {
	document, built := s.pages["/"+indexPage]
	if built && isForPerson(c) && !strings.HasPrefix(c.Request.URL.Path, "/api/") {
		c.Header("Vary", "Accept")
		s.sendAs(c, http.StatusNotFound, document, "no-cache")
		return
	}
	s.fail(c, &problemError{Type: wire.ProblemNotFound, Detail: "There is nothing at this address: GET / lists what there is."})
}

// methodNotAllowed answers a method that the address does not have. Gin has set
// Allow to the methods that it has.
func (s *Server) methodNotAllowed(c *gin.Context) {
	allowed := strings.Split(c.Writer.Header().Get("Allow"), ", ")
	if slices.Contains(allowed, http.MethodGet) {
		allowed = append(allowed, http.MethodHead)
	}
	allowed = append(allowed, http.MethodOptions)
	slices.Sort(allowed)
	c.Header("Allow", strings.Join(allowed, ", "))
	if c.Request.Method == http.MethodOptions {
		c.Status(http.StatusNoContent)
		c.Writer.WriteHeaderNow()
		return
	}
	s.fail(c, &problemError{Type: wire.ProblemMethodNotAllowed, Detail: fmt.Sprintf("%s is not allowed here: use %s.", kitchen.Excerpt(c.Request.Method), alternatives(allowed))})
}

// headAsGet routes HEAD like GET. net/http still leaves the body out: it looks at
// the request that it has read itself.
func headAsGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			r = r.Clone(r.Context())
			r.Method = http.MethodGet
		}
		next.ServeHTTP(w, r)
	})
}

// requestContext returns the context of the request itself. A handler gets
// gin's, which gin uses for another request as soon as this one is answered:
// work that may go on after the answer must not hold it.
func requestContext(ctx context.Context) context.Context {
	if c, is := ctx.(*gin.Context); is {
		return c.Request.Context()
	}
	return ctx
}

// ginContext is the context that the generated code hands to handlers.
func ginContext(ctx context.Context) (*gin.Context, error) {
	c, is := ctx.(*gin.Context)
	if !is {
		return nil, fmt.Errorf("a handler was called with %T instead of gin's context", ctx)
	}
	return c, nil
}
