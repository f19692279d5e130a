package api

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// Seat is who works at a stage of a demonstration.
type Seat struct {
	// Robot is the name of the stage's robot; empty until it is there.
	Robot string `json:"robot"`
	// By has taken the robot's seat; empty while the robot works.
	By string `json:"by,omitempty"`
}

// Seats are those of a demonstration's robots. People may take one for a while; it
// falls back to the robot when they show no sign of life.
type Seats interface {
	// Take gives the seat to a person, whoever has it.
	Take(stage kitchen.Stage, by string) Seat
	// Keep is a sign of life, and tells who works there. It changes nothing about a
	// seat that is not theirs.
	Keep(stage kitchen.Stage, by string) Seat
	// HandBack gives the seat to the robot.
	HandBack(stage kitchen.Stage) Seat
}

// PutBack puts back everything that a person has in hand at a stage, so that it waits
// again. What they have finished in the meantime stays so.
func (s *Server) PutBack(ctx context.Context, stage kitchen.Stage, by string) {
	for _, ticket := range s.floor.Board(stage).Tickets {
		if ticket.State != kitchen.TicketStarted || ticket.By != by || ticket.Withdrawn {
			continue
		}
		if _, err := s.floor.Ack(ctx, by, stage, ticket.TicketID, wire.Ack{Kind: kitchen.AckReleased}); err != nil {
			s.logger.WarnContext(ctx, "a ticket could not be put back", slog.String("ticket", ticket.TicketID), slog.String("by", by), slog.Any("error", err))
		}
	}
}

const seatPath = "/demo/seats/:stage"

// routeSeats serves the seats of a demonstration. They are no part of the API that
// openapi.yaml promises, and exist nowhere else.
func (s *Server) routeSeats(engine *gin.Engine) {
	if s.seats == nil {
		return
	}
	for method, answer := range map[string]func(stage kitchen.Stage, by string) Seat{
		http.MethodPut:    s.seats.Take,
		http.MethodPost:   s.seats.Keep,
		http.MethodDelete: func(stage kitchen.Stage, _ string) Seat { return s.seats.HandBack(stage) },
	} {
		engine.Handle(method, seatPath, func(c *gin.Context) {
			stage, err := kitchen.ParseStage(c.Param("stage"))
			if err != nil {
				s.fail(c, &problemError{Type: wire.ProblemNotFound, Detail: "There is no such station."})
				return
			}
			session, _ := sessionOf(c) // the table of who may do what lets nobody else through
			c.JSON(http.StatusOK, answer(stage, session.Name))
		})
	}
}
