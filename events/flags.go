package events

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

// FlagsConfig says what Flags reads and who hears of it.
type FlagsConfig struct {
	Connection Connection
	// OnRecord is called with each record that counts, once the flags are as it says,
	// one call at a time. May be nil.
	OnRecord func(FlagRecord)
	// Behind is as in TailConfig. May be nil.
	Behind func(since time.Time)
	// Logger defaults to slog.Default().
	Logger *slog.Logger
}

// FlagRecord is a record of kitchen-state that counts.
type FlagRecord struct {
	kitchen.FlagAt
	// Before and Now are the flag before and after the record; nil if there was or is
	// none.
	Before, Now *kitchen.Flag
	Message     Message
}

// ID is the record's id, as PublishFlag returns it.
func (r FlagRecord) ID() string {
	id, _ := r.Message.Header("ce_id")
	return id
}

// Flags is the fold of kitchen-state: of each key what the last record says. The zero
// value, whose topic is not read, has no flags. It is safe for concurrent use.
type Flags struct {
	config FlagsConfig
	read   chan struct{} // closed once the topic has been read to its end

	mu     sync.RWMutex // guards what follows
	flags  map[kitchen.FlagAt]kitchen.Flag
	poison map[flagPlace]*PoisonError // what was not cleared away yet
}

// flagPlace is where the last of several records counts.
type flagPlace struct {
	partition int
	key       string
}

// NewFlags returns flags of which nothing has been read: Run reads them.
func NewFlags(config FlagsConfig) *Flags {
	return &Flags{
		config: config,
		read:   make(chan struct{}),
		flags:  make(map[kitchen.FlagAt]kitchen.Flag),
		poison: make(map[flagPlace]*PoisonError),
	}
}

// Run reads the topic from its beginning and then goes on until the context ends,
// through every outage of Kafka.
func (f *Flags) Run(ctx context.Context) error {
	return Tail(ctx, TailConfig{
		Behind:     f.config.Behind,
		CaughtUp:   sync.OnceFunc(func() { close(f.read) }),
		Connection: f.config.Connection,
		Handle:     f.Add,
		Logger:     ForDebugging(cmp.Or(f.config.Logger, slog.Default())), // the process's other readers say what is wrong
		Topics:     []string{TopicKitchenState},
	})
}

// Read is closed once the topic has been read to its end for the first time.
func (f *Flags) Read() <-chan struct{} { return f.read }

// AwaitRead waits until the topic has been read, but not for longer than patience.
func (f *Flags) AwaitRead(ctx context.Context, patience time.Duration) {
	select {
	case <-f.read:
		return // whatever is left of the patience
	default:
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-f.read:
	case <-ctx.Done():
	case <-timer.C:
		cmp.Or(f.config.Logger, slog.Default()).WarnContext(ctx, "What is paused, sold out and so on has not been read in time; going on without it until it is", "topic", TopicKitchenState, "after", patience)
	}
}

// Add folds a record of the topic. Records of kinds that only another build knows are
// passed over. What replaces a flag and cannot be understood takes it back: once the
// topic is compacted nobody would know what it was before.
func (f *Flags) Add(m Message) {
	at, now, err := DecodeFlag(m)
	f.notePoison(m, err)
	if at == (kitchen.FlagAt{}) {
		return
	}
	record := FlagRecord{FlagAt: at, Now: now, Message: m}
	f.mu.Lock()
	if before, known := f.flags[at]; known {
		record.Before = &before
	}
	if now == nil {
		delete(f.flags, at)
	} else {
		f.flags[at] = *now
	}
	f.mu.Unlock()
	if f.config.OnRecord != nil {
		f.config.OnRecord(record)
	}
}

// notePoison keeps what cannot be understood for somebody to put aside, until another
// record takes its place.
func (f *Flags) notePoison(m Message, err error) {
	place := flagPlace{m.Partition, string(m.Key)}
	poison, isPoison := errors.AsType[*PoisonError](err)
	f.mu.Lock()
	defer f.mu.Unlock()
	if isPoison && len(m.Value) > 0 {
		f.poison[place] = poison
	} else {
		delete(f.poison, place)
	}
}

// Poison is what cannot be understood and was not cleared away yet.
func (f *Flags) Poison() []*PoisonError {
	f.mu.RLock()
	defer f.mu.RUnlock()
	var poison []*PoisonError
	for _, each := range f.poison {
		poison = append(poison, each)
	}
	return poison
}

// Get is the flag at a place.
func (f *Flags) Get(kind kitchen.FlagKind, of string) (kitchen.Flag, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	flag, up := f.flags[kitchen.FlagAt{Kind: kind, Of: of}]
	return flag, up
}

// All are the flags of a kind, the oldest first.
func (f *Flags) All(kind kitchen.FlagKind) []kitchen.Flag {
	return f.Where(func(flag kitchen.Flag) bool { return flag.Kind == kind })
}

// Where are the flags that suit, the oldest first. The function must not call back.
func (f *Flags) Where(suits func(kitchen.Flag) bool) []kitchen.Flag {
	f.mu.RLock()
	defer f.mu.RUnlock()
	var flags []kitchen.Flag
	for _, flag := range f.flags {
		if suits(flag) {
			flags = append(flags, flag)
		}
	}
	slices.SortFunc(flags, func(x, y kitchen.Flag) int {
		return cmp.Or(x.At.Compare(y.At), strings.Compare(x.String(), y.String()))
	})
	return flags
}
