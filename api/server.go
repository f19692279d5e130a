package api

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/semaphore"

	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/floor"
	"github.com/cupcakery/cupcakery/internal/ratelimit"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/live"
	"github.com/cupcakery/cupcakery/namespace"
	"github.com/cupcakery/cupcakery/staff"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

const (
	// MinSecret is the least number of bytes of a deployment's secret.
	MinSecret = 16
	// MaxWallToken is the most bytes of the token of the screen on the wall.
	MaxWallToken = 500

	readHeaderWithin = 5 * time.Second
	readWithin       = 10 * time.Second
	writeWithin      = 20 * time.Second
	idleWithin       = time.Minute
	maxHeader        = 16 << 10
	// finishWithin is how long requests in hand may take once the process was
	// told to stop. It is below the 10 seconds after which docker kills.
	finishWithin = 8 * time.Second
	// flagsWithin bounds how long a process that starts waits for kitchen-state: orders
	// are taken without Kafka, too.
	flagsWithin = 2 * time.Second
)

// Config says what an API server works with.
type Config struct {
	// Temporal has the orders. A client that connects on first use is fine. It
	// logs by itself when Temporal cannot be reached.
	Temporal client.Client
	// Encryption is the client's codec, nil if it has none.
	Encryption *encryption.Codec
	// Namespace is Temporal's in which the client works. Defaults to its default.
	Namespace string
	// Kafka has the log of tickets and acks, which boards show and acks go to.
	// Without brokers the boards stay empty.
	Kafka events.Connection
	// Kitchen has the menu and the limits. Defaults to kitchen.Default.
	Kitchen *kitchen.Kitchen
	// Secret makes order ids from idempotency keys and signs page tokens. All
	// processes of a deployment must have the same, of at least MinSecret bytes.
	Secret []byte
	// Staff may sign in. Without any, everything for staff is refused.
	Staff kitchen.Staff
	// WallToken lets screens on the shop's wall follow the counter, without anybody
	// signing in there. Empty lets none; otherwise at least MinSecret bytes.
	WallToken string
	// Demo are names and PINs of Staff that the API shows to everybody, in a
	// factory for trying things out.
	Demo []wire.DemoPerson
	// Seats are those of a demonstration's robots. Without any, nobody can take one.
	Seats Seats
	// SignInNames says that everybody may see the staff's names and roles, so that
	// who shares a tablet chooses a tile. Guessing them is no longer needed then.
	SignInNames bool
	// TrustedProxies are the networks of proxies whose X-Forwarded-For and
	// X-Forwarded-Proto count. Defaults to none.
	TrustedProxies []netip.Prefix
	// TemporalUI is the origin of Temporal's UI, whose pages may use the codec.
	// Empty if none may.
	TemporalUI string
	// TemporalUIURL is the address of Temporal's UI, to which explanations of orders
	// lead. Empty for no link.
	TemporalUIURL string
	// History is the ledger, which remembers what the log no longer has. Without it
	// nothing is told of what is more than some hours old.
	History History
	// Pages are the built files of the browser's side, with index.html at their
	// root. Without any the API is all there is.
	Pages fs.FS
	// TLS has the server speak TLS. Defaults to plain HTTP.
	TLS *tls.Config
	// Logger defaults to slog.Default.
	Logger *slog.Logger
	// QueryWithin is how long a worker may take to answer for an order before the
	// answer is put together without one. Defaults to 100 ms.
	QueryWithin time.Duration
	// LiveConnections is how many live connections the process takes at most.
	// Defaults to 4096.
	LiveConnections int
	// LiveConnectionsPerAddress is how many of them may come from one address.
	// Defaults to 256.
	LiveConnectionsPerAddress int
	// OrdersPerAddress is how many orders may be placed from one address in an
	// hour; a large order counts as several. Zero is no limit.
	OrdersPerAddress int
	// Metrics receives what the process counts, and is what Operators gives.
	// Defaults to a registry of its own.
	Metrics *prometheus.Registry
	// liveTiming is for tests.
	liveTiming live.Timing
}

func (c Config) withDefaults() Config {
	if c.Kitchen == nil {
		c.Kitchen = kitchen.Default()
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Metrics == nil {
		c.Metrics = prometheus.NewRegistry()
	}
	c.Namespace = cmp.Or(c.Namespace, client.DefaultNamespace)
	c.QueryWithin = cmp.Or(c.QueryWithin, 100*time.Millisecond)
	c.LiveConnections = cmp.Or(c.LiveConnections, defaultLiveConnections)
	c.LiveConnectionsPerAddress = cmp.Or(c.LiveConnectionsPerAddress, defaultLiveConnectionsPerAddress)
	return c
}

func (c Config) check() error {
	var faults []error
	if c.Temporal == nil {
		faults = append(faults, errors.New("a Temporal client is missing"))
	}
	if len(c.Secret) < MinSecret {
		faults = append(faults, fmt.Errorf("the secret has %d bytes: give at least %d random ones", len(c.Secret), MinSecret))
	}
	for _, person := range c.Demo {
		if _, found := c.Staff.Find(person.Name); !found {
			faults = append(faults, fmt.Errorf("%q of the demo is not on the staff: add the person or leave it out", person.Name))
		}
	}
	if length := len(c.WallToken); length > 0 && (length < MinSecret || length > MaxWallToken) {
		faults = append(faults, fmt.Errorf("the token of the screen on the wall has %d bytes: give %d to %d random ones", length, MinSecret, MaxWallToken))
	}
	if c.TemporalUI != "" {
		if err := CheckOrigin(c.TemporalUI); err != nil {
			faults = append(faults, fmt.Errorf("the origin of Temporal's UI, %q: %w", c.TemporalUI, err))
		}
	}
	if err := CheckUIURL(c.TemporalUIURL); err != nil {
		faults = append(faults, fmt.Errorf("the address of Temporal's UI, %q: %w", c.TemporalUIURL, err))
	}
	if c.QueryWithin < 0 {
		faults = append(faults, fmt.Errorf("the time for a query, %s, is negative", c.QueryWithin))
	}
	if c.LiveConnections < 0 {
		faults = append(faults, fmt.Errorf("the number of live connections, %d, is negative", c.LiveConnections))
	}
	if c.LiveConnectionsPerAddress < 0 {
		faults = append(faults, fmt.Errorf("the number of live connections from one address, %d, is negative", c.LiveConnectionsPerAddress))
	}
	if c.OrdersPerAddress < 0 {
		faults = append(faults, fmt.Errorf("the number of orders from one address, %d, is negative: give 0 for no limit", c.OrdersPerAddress))
	}
	if len(c.Kafka.Brokers) > 0 {
		faults = append(faults, c.Kafka.Check())
	}
	return errors.Join(faults...)
}

// Server is the API. It keeps no state but its metrics and the fold of the log.
type Server struct {
	temporal    client.Client
	kafka       events.Connection
	kitchen     *kitchen.Kitchen
	secret      []byte
	logger      *slog.Logger
	contract    *contract
	follower    *follower
	standing    workflows.StandingOrders
	floor       *floor.Floor
	live        *live.Connections
	pages       pages
	metrics     *metrics
	deadLetters *deadLetters
	// closedQuestions finds the questions that nobody can answer any more.
	closedQuestions *closedQuestions
	temporalProbe   *probe
	slotBook        *slotBook
	kafkaProbe      *probe
	handler         http.Handler

	orderLimit     *ratelimit.Limiter // nil without a limit
	lookUps        *semaphore.Weighted
	sessions       *staff.Sessions
	demo           []wire.DemoPerson
	seats          Seats
	reports        *reports
	wallToken      string
	wallLimit      *ratelimit.Limiter
	signInNames    []wire.SignInName
	crossOrigin    *http.CrossOriginProtection
	trustedProxies []netip.Prefix
	temporalUI     string
	temporalUIURL  string
	tls            *tls.Config
	// warnOfProxy names a proxy in the log, once, that may have been forgotten.
	warnOfProxy sync.Once
}

// New returns a server that is ready to serve.
func New(config Config) (*Server, error) {
	config = config.withDefaults()
	if err := config.check(); err != nil {
		return nil, fmt.Errorf("set up the API: %w", err)
	}
	contract, err := newContract(config.Kitchen)
	if err != nil {
		return nil, fmt.Errorf("set up the API: %w", err)
	}
	sessions, err := staff.New(config.Staff, config.Secret)
	if err != nil {
		return nil, fmt.Errorf("set up the API: %w", err)
	}
	pages, err := readPages(config.Pages)
	if err != nil {
		return nil, fmt.Errorf("set up the API: %w", err)
	}
	s := &Server{
		temporal: config.Temporal,
		kafka:    config.Kafka,
		kitchen:  config.Kitchen,
		secret:   config.Secret,
		logger:   config.Logger,
		contract: contract,
		pages:    pages,
		follower: &follower{temporal: config.Temporal, orders: workflows.NewOrders(config.Temporal, config.Encryption), codec: config.Encryption, namespace: config.Namespace, queryWithin: config.QueryWithin, describeWithin: describeWithin},
		metrics:  newMetrics(config.Metrics),
		temporalProbe: &probe{part: "Temporal", logger: config.Logger, look: func(ctx context.Context) error {
			if err := config.Encryption.CanWrite(); err != nil {
				return err
			}
			return namespace.Ready(ctx, config.Temporal)
		}},
		kafkaProbe: &probe{part: "Kafka", logger: config.Logger, look: func(ctx context.Context) error { return events.CheckTopics(ctx, config.Kafka) }},

		orderLimit:     newOrderLimit(config.OrdersPerAddress),
		lookUps:        semaphore.NewWeighted(lookUpsAtOnce),
		sessions:       sessions,
		demo:           config.Demo,
		seats:          config.Seats,
		reports:        newReports(config.History),
		wallToken:      config.WallToken,
		wallLimit:      ratelimit.New(staff.AddressBurst, staff.AddressEvery, maxWallAddresses),
		signInNames:    signInNames(config),
		crossOrigin:    http.NewCrossOriginProtection(),
		trustedProxies: config.TrustedProxies,
		temporalUI:     config.TemporalUI,
		temporalUIURL:  config.TemporalUIURL,
		tls:            config.TLS,
	}
	s.floor, err = floor.New(floor.Config{Kafka: config.Kafka, Kitchen: config.Kitchen, Orders: s.follower, Logger: config.Logger, OnAnswered: s.metrics.questionAnswered, OnSessionEnded: s.sessionHasEnded})
	if err != nil {
		return nil, fmt.Errorf("set up the API: %w", err)
	}
	s.follower.log = s.floor
	s.standing = s.follower.orders.Standing()
	s.deadLetters = newDeadLetters(config.Kafka, config.Logger)
	s.closedQuestions = &closedQuestions{floor: s.floor, temporal: config.Temporal}
	s.slotBook = newSlotBook(s.follower.orders.TakenSlots, config.Logger)
	config.Metrics.MustRegister(&floorCollector{s.floor}, s.deadLetters, partCollector{"temporal": s.temporalProbe, "kafka": s.kafkaProbe})
	s.live = live.New(live.Config{
		Floor:           s.floor,
		Limit:           config.LiveConnections,
		LimitPerAddress: config.LiveConnectionsPerAddress,
		ReadRequest:     contract.readLiveRequest,
		Problem:         liveProblem,
		Metrics:         s.metrics,
		Logger:          config.Logger,
		Timing:          config.liveTiming,
	})
	engine := s.routes()
	if err := checkAccess(engine.Routes()); err != nil {
		return nil, fmt.Errorf("set up the API: %w", err)
	}
	s.handler = headAsGet(engine)
	return s, nil
}

// Handler serves the API; Serve does so with limits and an orderly end, and
// reads the log, without which boards stay empty.
func (s *Server) Handler() http.Handler { return s.handler }

// Operators answers those who operate the process: the probes, as Handler does,
// and /metrics in Prometheus' format, which customers must not see.
func (s *Server) Operators() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", s.handler)
	mux.Handle("GET /readyz", s.handler)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	return mux
}

func (s *Server) routes() *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.ContextWithFallback = true // handlers get the request's deadline
	engine.HandleMethodNotAllowed = true
	engine.RedirectTrailingSlash = false // an address has one form
	engine.ForwardedByClientIP = false   // see clientAddress
	engine.Use(identify, protect, s.trace, s.observe, limitTime, s.recover, s.authorise, s.checkContract, s.refuseErased)
	engine.NoRoute(s.notFound)
	engine.NoMethod(s.methodNotAllowed)

	RegisterHandlersWithOptions(engine, NewStrictHandlerWithOptions(s, nil, StrictGinServerOptions{
		RequestErrorHandlerFunc:  s.disagree,
		HandlerErrorFunc:         s.fail,
		ResponseErrorHandlerFunc: s.fail,
	}), GinServerOptions{ErrorHandler: func(c *gin.Context, err error, _ int) { s.disagree(c, err) }})

	engine.GET("/api/v1/live", s.getLive)
	engine.GET("/", s.showIndex)
	s.routePages(engine)
	s.routeCodec(engine)
	s.routeSeats(engine)
	engine.GET("/problems/:slug", s.showProblem)
	engine.GET("/openapi.yaml", func(c *gin.Context) { c.Data(http.StatusOK, "application/yaml", OpenAPI) })
	engine.GET("/asyncapi.yaml", func(c *gin.Context) { c.Data(http.StatusOK, "application/yaml", events.AsyncAPI) })
	return engine
}

// disagree answers requests that keep the contract but cannot be bound to the
// generated types. The types are wrong then, not the request.
func (s *Server) disagree(c *gin.Context, err error) {
	s.fail(c, fmt.Errorf("bind a request that keeps openapi.yaml: %w", err))
}

// showIndex shows a browser the page on which to order, and everybody else a
// list of addresses.
func (s *Server) showIndex(c *gin.Context) {
	c.Header("Vary", "Accept")
	if _, built := s.pages["/"+indexPage]; built && isForPerson(c) {
		s.showPage(c)
		return
	}
	c.String(http.StatusOK, `Cupcakery

GET    /api/v1/menu                  what can be ordered
GET    /api/v1/slots                 when it can be fetched
POST   /api/v1/orders                order
GET    /api/v1/orders                find orders (staff)
POST   /api/v1/orders/cancel         cancel many by a filter (managers)
GET    /api/v1/orders/{id}           follow an order
GET    /api/v1/orders/{id}/explanation  everything that happened to it, and why it is late (staff)
POST   /api/v1/orders/{id}/cancel    cancel it
POST   /api/v1/orders/{id}/amend     change its notes, messages and phone number
POST   /api/v1/orders/{id}/resolve   decide when it needs attention (managers)
PUT    /api/v1/orders/{id}/rush      let it go before others (staff)
DELETE /api/v1/orders/{id}/rush      let it wait for its turn again
PUT    /api/v1/orders/{id}/collected it was collected (staff)
DELETE /api/v1/orders/{id}/collected it was not, after all
POST   /api/v1/session               sign in, if you are staff
GET    /api/v1/session               who is signed in
DELETE /api/v1/session               sign out
GET    /api/v1/session/names         who may sign in, if everybody may know
GET    /api/v1/session/demo          names and PINs to try it with (cupcakery dev only)
GET    /api/v1/live                  everything live, by WebSocket
GET    /api/v1/stations              how much there is to do at each station (staff)
GET    /api/v1/stations/{stage}/tickets  a station's board (its role, and managers)
POST   /api/v1/stations/{stage}/tickets/{ticket}/acks  answer a ticket
GET    /api/v1/kitchen/state         what is sold out and paused (staff)
GET    /api/v1/kitchen/ready         what is ready and was not collected (staff)
GET    /api/v1/wall                  the link to the screen on the wall (managers)
POST   /api/v1/wall                  let a screen on the wall follow the counter
PUT    /api/v1/kitchen/sold-out/{flavour}  nobody can order it (staff)
DELETE /api/v1/kitchen/sold-out/{flavour}  it can be ordered again
PUT    /api/v1/kitchen/paused/{stage}  nobody begins anything there (its role, and managers)
DELETE /api/v1/kitchen/paused/{stage}  it goes on
GET    /api/v1/standing-orders       orders that come again every week (staff)
POST   /api/v1/standing-orders       take one (managers)
DELETE /api/v1/standing-orders/{id}  end it (managers)
PUT    /api/v1/standing-orders/{id}/paused  place no more until it goes on (managers)
DELETE /api/v1/standing-orders/{id}/paused  let it go on
DELETE /api/v1/staff/{name}/sessions  end all sessions of a person (managers)
GET    /api/v1/statistics            what the stations did in the last hours (staff)
GET    /api/v1/pace                  how long the stages take at present
GET    /api/v1/history/days          what was made and sold, day by day (managers, like all of history)
GET    /api/v1/history/days/{day}    a day in full
GET    /api/v1/history/stages        how long the stages took
GET    /api/v1/history/forecast      how much of each flavour a day is likely to need
GET    /api/v1/history/bottleneck    which stage holds up the others now
GET    /api/v1/history/orders        which orders had a pickup code (managers)
GET    /api/v1/history/orders/{id}/delay  why an order was late
GET    /api/v1/history/trace         which orders a batch went into
GET    /openapi.yaml                 this API, described
GET    /asyncapi.yaml                the stations' side, described
GET    /healthz                      is the process alive?
GET    /readyz                       can it take orders?
GET    /third-party-notices.txt      licences of what it is built from
`)
}

// Serve answers requests on the listener until ctx ends. Then it takes no
// more, ends live connections, finishes what is in hand within 8 seconds, and
// returns nil.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: readHeaderWithin,
		ReadTimeout:       readWithin,
		WriteTimeout:      writeWithin,
		IdleTimeout:       idleWithin,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug), // clients' broken connections
	}
	stopReading := s.readLog(ctx)
	// Or it would take orders for what is sold out, and sessions that have ended.
	s.floor.AwaitFlags(ctx, flagsWithin)
	served := make(chan error, 1)
	if s.tls != nil {
		server.TLSConfig = s.tls.Clone()
		go func() { served <- server.ServeTLS(listener, "", "") }()
	} else {
		go func() { served <- server.Serve(listener) }()
	}
	select {
	case err := <-served:
		s.live.Close()
		return errors.Join(fmt.Errorf("serve the API on %s: %w", listener.Addr(), err), stopReading())
	case <-ctx.Done():
	}
	finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishWithin)
	defer cancel()
	s.live.Close() // all at once, while other requests are finished
	if err := server.Shutdown(finish); err != nil {
		s.logger.Warn("some requests were cut off", slog.Duration("after", finishWithin))
		_ = server.Close() // they had their time
	}
	if s.live.Wait(finish) != nil {
		s.logger.Warn("some live connections were cut off", slog.Duration("after", finishWithin))
	}
	// Acks in hand needed the log until now.
	err := stopReading()
	if served := <-served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("stop serving the API on %s: %w", listener.Addr(), served))
	}
	return err
}

// readLog starts reading the log and returns what stops that and says how it
// went.
func (s *Server) readLog(ctx context.Context) (stop func() error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	read := make(chan error, 1)
	go func() { read <- s.floor.Run(ctx) }()
	var beside sync.WaitGroup
	beside.Go(func() { s.deadLetters.run(ctx) })
	beside.Go(func() { s.closedQuestions.run(ctx) })
	return func() error {
		cancel()
		beside.Wait()
		if err := <-read; err != nil {
			return fmt.Errorf("read the log of tickets and acks: %w", err)
		}
		return nil
	}
}
