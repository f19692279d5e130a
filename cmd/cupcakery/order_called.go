package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/kitchen"
)

// anyState is for commands for which it does not matter where an order stands, and
// openState for those that change it.
func anyState(kitchen.OrderState) bool        { return true }
func openState(state kitchen.OrderState) bool { return !state.IsFinal() }

// connectFor connects, and finds the order that is called by its id or its pickup code
// among those whose state suits.
func (s *orderSettings) connectFor(cmd *cobra.Command, called string, suits func(kitchen.OrderState) bool) (*client.ClientWithResponses, string, error) {
	isCode := kitchen.IsPickupCode(called)
	if isCode && s.pin == "" {
		if err := s.askForPIN(cmd); err != nil {
			return nil, "", err
		}
	}
	apiClient, err := s.connect()
	if err != nil {
		return nil, "", err
	}
	if !isCode {
		return apiClient, called, checkOrderID(called)
	}
	id, failed, err := findByCode(cmd.Context(), apiClient, called, suits)
	switch {
	case id != "":
		return apiClient, id, nil
	case err != nil && !isExitError(err):
		return nil, "", s.unreachable(err)
	case err != nil:
		return nil, "", err
	}
	return nil, "", refusal(failed.status, failed.body)
}

func isExitError(err error) bool {
	_, is := errors.AsType[*exitError](err)
	return is
}
