package api

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

// checkBody adds the kitchen's faults of a body to those of the specification.
// The kitchen knows the menu and its own limits. Each place is reported once:
// where both object, the kitchen's words are better, unless the value could not
// stand in its field.
func (c *contract) checkBody(operation string, value any, faults []fault) []fault {
	if len(faults) > maxFaults {
		return faults // more are not reported
	}
	object, isObject := withoutWrongTypes(value, faults).(map[string]any)
	if !isObject {
		return faults
	}
	byPointer := make(map[string]int, len(faults))
	for i, f := range faults {
		byPointer[f.pointer()] = i
	}
	// unseen reports whether the kitchen has not seen a place, because something
	// around it is missing or has the wrong type.
	unseen := func(pointer string) bool {
		for {
			end := strings.LastIndexByte(pointer, '/')
			if end < 0 {
				return false
			}
			pointer = pointer[:end]
			if i, faulty := byPointer[pointer]; faulty && (faults[i].wrongType || faults[i].missing) {
				return true
			}
		}
	}
	inSpecification := len(faults)
	for _, found := range c.kitchenFaults(operation, object) {
		i, both := byPointer[found.Pointer]
		switch {
		case !both && found.Pointer == "" && inSpecification > 0:
			// The kitchen has not seen all of the body.
		case !both && !unseen(found.Pointer):
			faults = append(faults, fault{path: pathOf(found.Pointer), detail: found.Detail})
		case !both || faults[i].wrongType:
		case faults[i].missing:
			faults[i].detail = "missing: " + strings.TrimPrefix(found.Detail, "missing: ")
		default:
			faults[i].detail = found.Detail
		}
	}
	return faults
}

// kitchenFaults are the faults that the kitchen finds in a body.
func (c *contract) kitchenFaults(operation string, object map[string]any) []kitchen.FieldError {
	switch operation {
	case "createOrder":
		faults := checkTime(&object, "pickupAt")
		return append(c.kitchen.CheckOrder(readAs[kitchen.Order](object)), faults...)
	case "createStandingOrder":
		faults := append(checkDate(&object, "from"), checkDate(&object, "until")...)
		if order, isObject := object["order"].(map[string]any); isObject {
			for _, fault := range checkTime(&order, "pickupAt") {
				object = maps.Clone(object)
				object["order"] = order
				faults = append(faults, kitchen.FieldError{Pointer: "/order" + fault.Pointer, Detail: fault.Detail})
			}
		}
		return append(readAs[kitchen.StandingOrder](object).Check(c.kitchen, now()), faults...)
	case "cancelOrder":
		return readAs[kitchen.Cancellation](object).Check()
	case "amendOrder":
		// Only the order's workflow knows how many lines it has.
		return readAs[kitchen.Amendment](object).Check(c.kitchen.Limits, c.kitchen.Limits.Lines)
	case "resolveOrder":
		return readAs[kitchen.Resolution](object).Check()
	case "ackTicket":
		return readAs[kitchen.Ack](object).CheckRemarks()
	}
	return nil
}

// checkTime finds a time that no calendar has, such as the 30th of February, and takes
// it out of the object: nothing else of that could be read.
func checkTime(object *map[string]any, name string) []kitchen.FieldError {
	text, isText := (*object)[name].(string)
	if at, err := time.Parse(time.RFC3339Nano, text); !isText || err == nil && !at.IsZero() {
		return nil
	}
	*object = maps.Clone(*object)
	delete(*object, name)
	return []kitchen.FieldError{{Pointer: "/" + name, Detail: "there is no such time: give one such as 2026-11-28T09:00:00Z"}}
}

// checkDate is checkTime for a day.
func checkDate(object *map[string]any, name string) []kitchen.FieldError {
	text, isText := (*object)[name].(string)
	if _, err := kitchen.ParseDate(text); !isText || err == nil {
		return nil
	}
	*object = maps.Clone(*object)
	delete(*object, name)
	return []kitchen.FieldError{{Pointer: "/" + name, Detail: "there is no such day: give one such as 2026-11-30"}}
}

// readAs reads as much of an object as fits. Most of what does not fit has been
// reported and taken out before. What is left are numbers beyond every limit:
// they stay zero, which is reported where it is a fault.
func readAs[T any](object map[string]any) T {
	var value T
	if data, err := json.Marshal(object); err == nil {
		_ = json.Unmarshal(data, &value)
	}
	return value
}

// withoutWrongTypes is a value without what cannot stand in its field. The value
// itself is not changed.
func withoutWrongTypes(value any, faults []fault) any {
	if !slices.ContainsFunc(faults, func(f fault) bool { return f.wrongType }) {
		return value
	}
	value = cloneValue(value)
	for _, f := range faults {
		if f.wrongType {
			value = remove(value, f.path)
		}
	}
	return value
}

func cloneValue(value any) any {
	switch value := value.(type) {
	case map[string]any:
		clone := make(map[string]any, len(value))
		for name, element := range value {
			clone[name] = cloneValue(element)
		}
		return clone
	case []any:
		clone := make([]any, len(value))
		for i, element := range value {
			clone[i] = cloneValue(element)
		}
		return clone
	}
	return value
}

// remove returns a value without what stands at a path in it.
func remove(value any, path []string) any {
	if len(path) == 0 {
		return nil
	}
	switch value := value.(type) {
	case map[string]any:
		element, there := value[path[0]]
		if !there {
			break
		}
		if element = remove(element, path[1:]); element == nil {
			delete(value, path[0])
		}
	case []any:
		// The element stays, as null, so that the others keep their places.
		if i, err := strconv.Atoi(path[0]); err == nil && i < len(value) {
			value[i] = remove(value[i], path[1:])
		}
	}
	return value
}
