package floor

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cupcakery/cupcakery/wire"
)

const (
	// keptChanges is how many changes of a channel are kept for those who read
	// slowly or come back. Whoever misses more gets a fresh snapshot.
	keptChanges = 256
	// maxSnapshotAge is how many changes old a snapshot may be that is sent once
	// more, followed by the changes since: when many come back at once, one is
	// made for all of them.
	maxSnapshotAge = 32
)

// Frame is a message as it is sent, encoded once for everybody.
type Frame struct {
	Kind wire.LiveMessageType
	Data []byte
}

// NewFrame encodes a message.
func NewFrame(message wire.LiveMessage) Frame {
	data, err := json.Marshal(message)
	if err != nil {
		panic(fmt.Sprintf("encode a live message of type %s: %v", message.Type, err)) // times are in four digits, the rest are texts and numbers
	}
	return Frame{message.Type, data}
}

// feed is one channel: what it shows, and its last changes, shared by all who
// follow it. Followers have no queues. Each has a position in the feed, and one
// that has fallen too far behind starts again with a snapshot, so a slow reader
// costs nobody anything.
type feed struct {
	channel string
	// epoch tells this feed's cursors from those of other processes and of
	// earlier feeds of the same channel.
	epoch string

	// mu guards the channel: what it shows, its changes and its followers. The
	// types that embed a feed keep there what they show.
	mu      sync.Mutex
	number  uint64        // of the last change
	changes []*feedChange // the last ones, up to number
	// whole makes a snapshot of what the channel shows now, with mu held. Nothing in it
	// changes after that. It is nil until there is something to show.
	whole      func() wire.LiveMessage
	ended      bool          // the next snapshot is the last message
	snapshot   *feedSnapshot // nil if there is none that still holds
	snapshotAt uint64        // the number up to which the snapshot goes
	followers  map[*Follower]struct{}

	encode func(wire.LiveMessage) Frame // NewFrame
}

// feedChange is a change of what a channel shows. It is encoded for the first who
// reads it, if anybody does: most are read by nobody. That is done without the feed's
// lock, for which those wait who read the log.
type feedChange struct {
	change  wire.BoardChange // empty once it is encoded
	encoded sync.Once
	frame   Frame
}

// feedSnapshot is a snapshot, encoded in the same way.
type feedSnapshot struct {
	message wire.LiveMessage // empty once it is encoded
	encoded sync.Once
	frame   Frame
}

func newFeed(channel string, whole func() wire.LiveMessage) *feed {
	var epoch [8]byte
	_, _ = rand.Read(epoch[:]) // never fails
	return &feed{channel: channel, epoch: hex.EncodeToString(epoch[:]), whole: whole, followers: make(map[*Follower]struct{}), encode: NewFrame}
}

// cursor stands for the feed as it is after the change with that number.
func (f *feed) cursor(number uint64) string {
	return f.epoch + "." + strconv.FormatUint(number, 10)
}

// publish sends a change to all followers. The lock is held.
func (f *feed) publish(change wire.BoardChange) {
	f.number++
	if len(f.changes) == keptChanges {
		f.changes[0] = nil // or what it has would live as long as the array
		f.changes = f.changes[1:]
	}
	f.changes = append(f.changes, &feedChange{change: change})
	f.wake()
}

// changeFrame encodes a change, which has that number. The lock is not needed.
func (f *feed) changeFrame(change *feedChange, number uint64) Frame {
	change.encoded.Do(func() {
		change.frame = f.encode(wire.LiveMessage{Type: wire.LiveMessageTypeChange, Channel: f.channel, Cursor: f.cursor(number), Change: change.change})
		change.change = wire.BoardChange{}
	})
	return change.frame
}

// snapshotFrame encodes a snapshot. The lock is not needed.
func (f *feed) snapshotFrame(snapshot *feedSnapshot) Frame {
	snapshot.encoded.Do(func() {
		snapshot.frame = f.encode(snapshot.message)
		snapshot.message = wire.LiveMessage{}
	})
	return snapshot.frame
}

// restart makes all followers start again with a snapshot. The lock is held.
func (f *feed) restart() {
	f.number++
	f.changes, f.snapshot = nil, nil
	for follower := range f.followers {
		follower.wantsSnapshot = true
	}
	f.wake()
}

// wake lets all followers look for what is new. The lock is held.
func (f *feed) wake() {
	for follower := range f.followers {
		follower.wake()
	}
}

// first is the number after which all changes are kept. The lock is held.
func (f *feed) first() uint64 { return f.number - uint64(len(f.changes)) }

// follow adds a follower, as Floor.Follow does: it goes on from the cursor if
// all changes since are kept.
func (f *feed) follow(cursor string, wake func()) (follower *Follower, resumed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	follower = &Follower{feed: f, wake: wake, wantsSnapshot: true}
	follower.leave = func() { f.unfollow(follower) }
	if epoch, text, found := strings.Cut(cursor, "."); found && epoch == f.epoch && f.whole != nil {
		number, err := strconv.ParseUint(text, 10, 64)
		if err == nil && number >= f.first() && number <= f.number {
			follower.number, follower.wantsSnapshot = number, false
		}
	}
	f.followers[follower] = struct{}{}
	return follower, !follower.wantsSnapshot
}

func (f *feed) unfollow(follower *Follower) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.followers, follower)
}

func (f *feed) isFollowed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.followers) > 0
}

// Follower is a position in a channel, up to which somebody has read it.
type Follower struct {
	feed  *feed
	wake  func()
	leave func()
	// The feed's lock guards the position.
	number        uint64
	wantsSnapshot bool
}

// Channel is the channel's name.
func (f *Follower) Channel() string { return f.feed.channel }

// Leave ends following.
func (f *Follower) Leave() { f.leave() }

// Next returns the messages since the last call. It tells whether the follower
// has read so slowly that a snapshot had to replace changes, and whether these
// messages are the channel's last.
func (f *Follower) Next() (frames []Frame, missed, ended bool) {
	next := f.advance()
	if next.snapshot != nil {
		frames = append(frames, f.feed.snapshotFrame(next.snapshot))
	}
	for i, change := range next.changes {
		frames = append(frames, f.feed.changeFrame(change, next.from+uint64(i)+1))
	}
	return frames, next.missed, next.ended && len(frames) > 0
}

// unread is what a follower has not read yet.
type unread struct {
	snapshot      *feedSnapshot // nil if changes are enough
	changes       []*feedChange // after number from
	from          uint64
	missed, ended bool
}

// advance moves the follower's position to the feed's end, and returns what lies
// before it.
func (f *Follower) advance() (next unread) {
	feed := f.feed
	feed.mu.Lock()
	defer feed.mu.Unlock()
	if feed.whole == nil {
		return unread{}
	}
	next.ended = feed.ended
	if next.missed = !f.wantsSnapshot && f.number < feed.first(); next.missed {
		f.wantsSnapshot = true
	}
	if f.wantsSnapshot {
		if feed.snapshot == nil || feed.snapshotAt < feed.first() || feed.number-feed.snapshotAt > maxSnapshotAge {
			feed.snapshotAt = feed.number
			message := feed.whole()
			message.Channel, message.Cursor = feed.channel, feed.cursor(feed.number)
			feed.snapshot = &feedSnapshot{message: message}
		}
		f.wantsSnapshot, f.number = false, feed.snapshotAt
		next.snapshot = feed.snapshot
	}
	next.from = f.number
	next.changes = slices.Clone(feed.changes[f.number-feed.first():])
	f.number = feed.number
	return next
}
