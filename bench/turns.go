package main

import "context"

// turn lets the two sides of a comparison measure one at a time, a round of the
// one and then a round of the other. A factory that waits for its turn has
// nothing to do, so it takes next to nothing from the one that is measured. A nil
// turn is that of a side without another, which never waits.
type turn struct {
	mine, others chan struct{}
	// began is called whenever it is this side's turn.
	began func()
}

// takeTurns returns the turns of two sides. The first begins.
func takeTurns(began func(side int)) [2]*turn {
	first, second := make(chan struct{}, 1), make(chan struct{}, 1)
	first <- struct{}{}
	return [2]*turn{
		{mine: first, others: second, began: func() { began(0) }},
		{mine: second, others: first, began: func() { began(1) }},
	}
}

// wait waits until it is this side's turn.
func (t *turn) wait(ctx context.Context) error {
	if t == nil {
		return ctx.Err()
	}
	select {
	case <-t.mine:
		t.began()
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pass lets the other side have its turn, and waits until it has had it.
func (t *turn) pass(ctx context.Context) error {
	if t == nil {
		return ctx.Err()
	}
	select {
	case t.others <- struct{}{}:
	default: // the other side has left, or failed
	}
	return t.wait(ctx)
}

// leave is called once, by a side that has measured everything: from now on it is
// always the other side's turn.
func (t *turn) leave() {
	if t != nil {
		close(t.others)
	}
}
