/** What a customer is allergic to, where somebody has the order in hand. */
export function AllergyFlag({ allergies }: { readonly allergies: readonly string[] | undefined }) {
  if (!allergies || allergies.length === 0) return null;
  return <p className="ticket-allergies"><span aria-hidden="true">⚠</span> <strong>Allergy:</strong> <span className="wrap-anywhere">{allergies.join(", ")}</span></p>;
}
