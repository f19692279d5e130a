package api

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/cupcakery/cupcakery/wire"
)

const (
	// keptChanges is how many changes of a channel are kept for those who read
	// slowly or come back. Who misses more gets a fresh snapshot.
	keptChanges = 256
	// snapshotAge is how many changes old a snapshot may be that is sent once
	// more, with the changes since: when many come back at once, one is made
	// for all of them.
	snapshotAge = 32
)

// frame is a message as it is sent, made once for everybody.
type frame struct {
	kind wire.LiveMessageType
	data []byte
}

func newFrame(message wire.LiveMessage) frame {
	data, err := json.Marshal(message)
	if err != nil {
		panic(fmt.Sprintf("encode a %s of the live side: %v", message.Type, err)) // times are in four digits, the rest are texts and numbers
	}
	return frame{message.Type, data}
}

// feed is one channel of the live side: its last changes, shared by everybody
// who follows it. No connection has a queue. Each has a place in the feed, and
// one that has fallen too far behind starts again with a snapshot, so whoever
// reads slowly costs nobody anything. The floor's lock is held for all of it.
type feed struct {
	channel string
	// epoch tells this feed's cursors from those of other processes and of
	// earlier feeds of the same channel.
	epoch   string
	number  uint64  // counts changes
	changes []frame // the last ones; that of number is the last
	// whole is the channel as it is now. It is not asked while the feed is not
	// ready.
	whole      func() wire.LiveMessage
	notReady   bool
	ended      bool // nothing follows the next snapshot
	snapshot   frame
	snapshotAt uint64 // the number it stands for; meaningless while it is empty
	followers  map[*liveConn]*place
}

// place is how far a connection has got in a feed.
type place struct {
	number uint64
	fresh  bool // wants a snapshot next
}

func newFeed(channel string, whole func() wire.LiveMessage) *feed {
	var epoch [8]byte
	_, _ = rand.Read(epoch[:]) // never fails
	return &feed{channel: channel, epoch: hex.EncodeToString(epoch[:]), whole: whole, followers: make(map[*liveConn]*place)}
}

// cursor stands for the feed as it is after the change of that number.
func (f *feed) cursor(number uint64) string {
	return f.epoch + "." + strconv.FormatUint(number, 10)
}

// change tells everybody of a change.
func (f *feed) change(message wire.LiveMessage) {
	f.number++
	message.Channel, message.Cursor = f.channel, f.cursor(f.number)
	if len(f.changes) == keptChanges {
		f.changes[0] = frame{} // or its bytes would live as long as the array
		f.changes = f.changes[1:]
	}
	f.changes = append(f.changes, newFrame(message))
	f.wake()
}

// renew makes everybody start again with a snapshot.
func (f *feed) renew() {
	f.number++
	f.changes, f.snapshot = nil, frame{}
	for _, p := range f.followers {
		p.fresh = true
	}
	f.wake()
}

func (f *feed) wake() {
	for c := range f.followers {
		c.poke()
	}
}

// first is the number of the oldest state from which the kept changes go on.
func (f *feed) first() uint64 { return f.number - uint64(len(f.changes)) }

// follow gives a connection its place: where its cursor says, if all that came
// since is kept, or before a snapshot. It reports which.
func (f *feed) follow(c *liveConn, cursor string) (resumed bool) {
	p := &place{fresh: true}
	if epoch, text, found := strings.Cut(cursor, "."); found && epoch == f.epoch && !f.notReady {
		number, err := strconv.ParseUint(text, 10, 64)
		if err == nil && number >= f.first() && number <= f.number {
			p = &place{number: number}
		}
	}
	f.followers[c] = p
	return !p.fresh
}

// next is what a connection has not got yet, and whether it has fallen so far
// behind that it misses changes.
func (f *feed) next(c *liveConn) (frames []frame, dropped bool) {
	p := f.followers[c]
	if f.notReady {
		return nil, false
	}
	if dropped = !p.fresh && p.number < f.first(); dropped {
		p.fresh = true
	}
	if p.fresh {
		if f.snapshot.data == nil || f.snapshotAt < f.first() || f.number-f.snapshotAt > snapshotAge {
			f.snapshotAt = f.number
			message := f.whole()
			message.Channel, message.Cursor = f.channel, f.cursor(f.number)
			f.snapshot = newFrame(message)
		}
		p.fresh, p.number = false, f.snapshotAt
		frames = append(frames, f.snapshot)
	}
	frames = append(frames, f.changes[p.number-f.first():]...)
	p.number = f.number
	return frames, dropped
}
