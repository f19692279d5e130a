package main

import (
	"sync"
	"time"

	"github.com/cupcakery/cupcakery/api"
	"github.com/cupcakery/cupcakery/kitchen"
)

// seatKeptFor is how long a person keeps a robot's seat without a sign from their
// page, which gives one every 20 seconds, or every minute while nobody looks at it.
const seatKeptFor = 90 * time.Second

// demoCrew are the demo's robots: at which stations they work and who sits there in
// their place, and what they will spoil.
type demoCrew struct {
	rules kitchen.Rules
	// putBack puts back what a person has in hand at a stage. Nobody else would: it stays
	// with whoever has left.
	putBack func(stage kitchen.Stage, by string)

	mu     sync.Mutex
	places map[kitchen.Stage]*demoPlace
	burns  map[kitchen.Stage][]kitchen.Reason
	dooms  map[string]*doom // by order
}

// seated is a robot, as far as its place is concerned.
type seated interface {
	StepAside()
	ComeBack()
}

// demoPlace is the place of one robot.
type demoPlace struct {
	robot  seated
	name   string
	silent bool
	by     string // who has taken the seat
	gone   *time.Timer
}

// doom is how often work on an order will still fail, and where.
type doom struct {
	stage  kitchen.Stage
	reason kitchen.Reason
	left   int
}

func newDemoCrew(rules kitchen.Rules) *demoCrew {
	return &demoCrew{rules: rules, putBack: func(kitchen.Stage, string) {}, places: map[kitchen.Stage]*demoPlace{}, burns: map[kitchen.Stage][]kitchen.Reason{}, dooms: map[string]*doom{}}
}

func (c *demoCrew) add(stage kitchen.Stage, name string, robot seated) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.places[stage] = &demoPlace{robot: robot, name: name}
}

func (c *demoCrew) burn(stage kitchen.Stage, reason kitchen.Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.burns[stage] = []kitchen.Reason{reason} // one at a time: nobody may be there for long
}

func (c *demoCrew) doom(orderID string, stage kitchen.Stage, reason kitchen.Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dooms[orderID] = &doom{stage, reason, c.rules.MaxRemakes + 1}
}

// judge says whether the work on a ticket has to fail.
func (c *demoCrew) judge(ticket kitchen.Ticket) (kitchen.Reason, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if fate := c.dooms[ticket.OrderID]; fate != nil {
		if fate.stage != ticket.Stage {
			return kitchen.Reason{}, false
		}
		if fate.left--; fate.left == 0 {
			delete(c.dooms, ticket.OrderID)
		}
		return fate.reason, true
	}
	if burns := c.burns[ticket.Stage]; len(burns) > 0 {
		delete(c.burns, ticket.Stage)
		return burns[0], true
	}
	return kitchen.Reason{}, false
}

func (c *demoCrew) silence(stage kitchen.Stage, silent bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.places[stage]; p != nil {
		p.silent = silent
		p.move()
	}
}

// move has the robot work, unless it is silent or somebody sits there.
func (p *demoPlace) move() {
	if p.silent || p.by != "" {
		p.robot.StepAside()
	} else {
		p.robot.ComeBack()
	}
}

// Take implements api.Seats.
func (c *demoCrew) Take(stage kitchen.Stage, by string) api.Seat {
	return c.change(stage, func(p *demoPlace) {
		p.by = by
		p.move()
		c.keep(stage, p)
	})
}

// Keep implements api.Seats.
func (c *demoCrew) Keep(stage kitchen.Stage, by string) api.Seat {
	return c.change(stage, func(p *demoPlace) {
		if p.by == by {
			c.keep(stage, p)
		}
	})
}

// HandBack implements api.Seats.
func (c *demoCrew) HandBack(stage kitchen.Stage) api.Seat {
	return c.change(stage, (*demoPlace).handBack)
}

func (p *demoPlace) handBack() {
	p.by = ""
	p.rest()
	p.move()
}

// rest stops waiting for whoever sat there.
func (p *demoPlace) rest() {
	if p.gone != nil {
		p.gone.Stop()
		p.gone = nil
	}
}

// keep waits for the next sign of whoever sits there. The lock is held.
func (c *demoCrew) keep(stage kitchen.Stage, p *demoPlace) {
	p.rest()
	var mine *time.Timer
	mine = time.AfterFunc(seatKeptFor, func() {
		c.change(stage, func(p *demoPlace) {
			if p.gone == mine { // or there was a sign just now
				p.handBack()
			}
		})
	})
	p.gone = mine
}

// change changes who sits at a stage, and puts back what is left in the hands of whoever
// sat there.
func (c *demoCrew) change(stage kitchen.Stage, how func(*demoPlace)) api.Seat {
	c.mu.Lock()
	p := c.places[stage]
	if p == nil {
		c.mu.Unlock()
		return api.Seat{} // the robots are not there yet
	}
	before := p.by
	how(p)
	seat := api.Seat{Robot: p.name, By: p.by}
	c.mu.Unlock() // nobody else's sign waits for Kafka
	if before != "" && before != seat.By {
		c.putBack(stage, before)
	}
	return seat
}
