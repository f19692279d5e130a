package api

import (
	"context"
	"errors"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// errErased means that an order's person is forgotten.
var errErased = errors.New("the order was erased")

// checkMayPlace returns why no order may be placed under an id that was used before,
// perhaps by one that was erased: Temporal does not know that one any more and would
// start it anew. While kitchen-state cannot be read Temporal is asked for the order's
// mark, so orders are taken without Kafka. Ids that were just made need no check.
func (s *Server) checkMayPlace(ctx context.Context, orderID string) error {
	erased, known := s.floor.IsErased(orderID)
	if !erased && !known {
		var err error
		if erased, err = s.follower.orders.IsMarkedErased(ctx, orderID); err != nil {
			return cannotLookUp(err)
		}
	}
	if erased {
		return &problemError{Type: wire.ProblemOrderErased, Cause: errErased,
			Detail: "The order that this Idempotency-Key has made was erased, because its customer is to be forgotten. Nothing was ordered: for a new order use a new key."}
	}
	return nil
}

// refuseErased answers every request about one order that was erased, whatever Temporal
// still has of it.
func (s *Server) refuseErased(c *gin.Context) {
	orderID := ""
	switch path := c.FullPath(); {
	case strings.HasPrefix(path, "/api/v1/orders/:id"), strings.HasPrefix(path, "/api/v1/history/orders/:id"):
		orderID = c.Param("id")
	case path == "/api/v1/history/trace":
		if ticket, err := kitchen.ParseTicketID(c.Query("ticket")); err == nil {
			orderID = ticket.OrderID
		}
	}
	if kitchen.CheckOrderID(orderID) != nil {
		return
	}
	if s.isErased(orderID) {
		s.fail(c, errErased)
	}
}

// isErased reports whether this process has read that an order was erased. The ledger may
// read it later, so its answers are looked through as well.
func (s *Server) isErased(orderID string) bool {
	erased, _ := s.floor.IsErased(orderID)
	return erased
}

// asErased is the problem of an order that nobody can see any more.
func asErased(err error) *problemError {
	return &problemError{Type: wire.ProblemOrderErased, Cause: err,
		Detail: "The order was erased, because its customer is to be forgotten: there is nothing to see or to change."}
}
