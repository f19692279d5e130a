package api

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// soldOutAtMost is how long ahead the end of a sold-out flavour may be.
const soldOutAtMost = 31 * 24 * time.Hour

// GetKitchenState tells what is not as always.
func (s *Server) GetKitchenState(context.Context, GetKitchenStateRequestObject) (GetKitchenStateResponseObject, error) {
	return GetKitchenState200JSONResponse(s.floor.KitchenState()), nil
}

// defaultReady is how many orders a list of what is ready has.
const defaultReady = 50

// ListReady lists what is ready and was not collected.
func (s *Server) ListReady(_ context.Context, request ListReadyRequestObject) (ListReadyResponseObject, error) {
	search, limit := "", defaultReady
	if q := request.Params.Q; q != nil {
		search = *q
	}
	if most := request.Params.Limit; most != nil {
		limit = *most
	}
	return ListReady200JSONResponse(s.floor.ReadyOrders(search, limit)), nil
}

// putFlag puts up a flag in the name of whoever is signed in.
func (s *Server) putFlag(ctx context.Context, kind kitchen.FlagKind, of, reason string, until *time.Time) error {
	by, _ := sessionOf(ctx)
	return s.floor.PutFlag(requestContext(ctx), kitchen.Flag{FlagAt: kitchen.FlagAt{Kind: kind, Of: of}, By: by.Name, Reason: reason, Until: until})
}

func (s *Server) takeBackFlag(ctx context.Context, kind kitchen.FlagKind, of string) error {
	return s.floor.TakeBackFlag(requestContext(ctx), kitchen.FlagAt{Kind: kind, Of: of})
}

// PutSoldOut says that a flavour cannot be ordered.
func (s *Server) PutSoldOut(ctx context.Context, request PutSoldOutRequestObject) (PutSoldOutResponseObject, error) {
	if _, known := s.kitchen.Menu.Flavour(request.Flavour); !known {
		return nil, &problemError{Type: wire.ProblemNotFound, Detail: fmt.Sprintf("The menu has no flavour %q: look at GET /api/v1/menu.", kitchen.Excerpt(request.Flavour))}
	}
	var until *time.Time
	if text := request.Body.Until; text != "" {
		at, err := time.Parse(time.RFC3339Nano, text)
		if ahead := time.Until(at); err != nil || ahead <= 0 || ahead > soldOutAtMost {
			return nil, fieldsProblem(wire.ProblemInvalidUpdate, []wire.FieldError{{Pointer: new("/until"),
				Detail: "must be a time within the next 31 days: leave it out if it is not known when the flavour can be ordered again"}})
		}
		until = new(at.UTC().Truncate(time.Millisecond))
	}
	if err := s.putFlag(ctx, kitchen.FlagSoldOut, request.Flavour, "", until); err != nil {
		return nil, err
	}
	return PutSoldOut200JSONResponse(s.floor.KitchenState()), nil
}

// TakeBackSoldOut says that a flavour can be ordered again, also one that the menu does
// not have any more.
func (s *Server) TakeBackSoldOut(ctx context.Context, request TakeBackSoldOutRequestObject) (TakeBackSoldOutResponseObject, error) {
	if err := s.takeBackFlag(ctx, kitchen.FlagSoldOut, request.Flavour); err != nil {
		return nil, err
	}
	return TakeBackSoldOut200JSONResponse(s.floor.KitchenState()), nil
}

// checkSoldOut refuses an order with flavours that are sold out.
func (s *Server) checkSoldOut(order kitchen.Order) error {
	var faults []wire.FieldError
	for i, line := range order.Lines {
		flag, soldOut := s.floor.SoldOut(line.Flavour)
		if !soldOut || flag.Until != nil && !order.PickupAt.Before(*flag.Until) {
			continue // or it can be had again by then
		}
		flavour, _ := s.kitchen.Menu.Flavour(line.Flavour)
		detail := fmt.Sprintf("line %d: %s is sold out: take it out, or choose another flavour", i+1, flavour.Name)
		if flag.Until != nil {
			detail = fmt.Sprintf("line %d: %s is sold out until %s: take it out, choose another flavour, or order then", i+1, flavour.Name, flag.Until.Format(time.RFC3339))
		}
		faults = append(faults, wire.FieldError{Pointer: new("/lines/" + strconv.Itoa(i) + "/flavour"), Detail: detail})
	}
	if len(faults) == 0 {
		return nil
	}
	return fieldsProblem(wire.ProblemSoldOut, faults)
}

// PauseStation pauses a station.
func (s *Server) PauseStation(ctx context.Context, request PauseStationRequestObject) (PauseStationResponseObject, error) {
	if err := s.putFlag(ctx, kitchen.FlagPaused, string(request.Stage), request.Body.Reason, nil); err != nil {
		return nil, err
	}
	return PauseStation200JSONResponse(s.floor.KitchenState()), nil
}

// ResumeStation lets a station go on.
func (s *Server) ResumeStation(ctx context.Context, request ResumeStationRequestObject) (ResumeStationResponseObject, error) {
	if err := s.takeBackFlag(ctx, kitchen.FlagPaused, string(request.Stage)); err != nil {
		return nil, err
	}
	return ResumeStation200JSONResponse(s.floor.KitchenState()), nil
}

// RushOrder lets an order go before others.
func (s *Server) RushOrder(ctx context.Context, request RushOrderRequestObject) (RushOrderResponseObject, error) {
	status, _, err := s.follower.status(requestContext(ctx), request.ID)
	if err != nil {
		return nil, fmt.Errorf("follow the order: %w", err)
	}
	if status.State.IsFinal() {
		return nil, &problemError{Type: wire.ProblemRefused, Detail: fmt.Sprintf("The order is %s: there is nothing left to hurry.", status.State)}
	}
	if err := s.putFlag(ctx, kitchen.FlagRush, request.ID, request.Body.Reason, nil); err != nil {
		return nil, err
	}
	return RushOrder204Response{}, nil
}

// TakeBackRush lets an order wait for its turn again.
func (s *Server) TakeBackRush(ctx context.Context, request TakeBackRushRequestObject) (TakeBackRushResponseObject, error) {
	if err := s.takeBackFlag(ctx, kitchen.FlagRush, request.ID); err != nil {
		return nil, err
	}
	return TakeBackRush204Response{}, nil
}

// CollectOrder says that an order was collected. Temporal is only asked about orders
// that the log does not know to be shipped.
func (s *Server) CollectOrder(ctx context.Context, request CollectOrderRequestObject) (CollectOrderResponseObject, error) {
	if !s.floor.IsShipped(request.ID) {
		status, _, err := s.follower.status(requestContext(ctx), request.ID)
		if err != nil {
			return nil, fmt.Errorf("follow the order: %w", err)
		}
		if status.State != kitchen.StateShipped {
			return nil, &problemError{Type: wire.ProblemRefused, Detail: fmt.Sprintf("The order is %s and not ready: nobody can have collected it.", status.State)}
		}
	}
	if err := s.putFlag(ctx, kitchen.FlagCollected, request.ID, "", nil); err != nil {
		return nil, err
	}
	return CollectOrder204Response{}, nil
}

// TakeBackCollected says that an order was not collected after all.
func (s *Server) TakeBackCollected(ctx context.Context, request TakeBackCollectedRequestObject) (TakeBackCollectedResponseObject, error) {
	if err := s.takeBackFlag(ctx, kitchen.FlagCollected, request.ID); err != nil {
		return nil, err
	}
	return TakeBackCollected204Response{}, nil
}
