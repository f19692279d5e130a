import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";
import { useRef, useState, type SyntheticEvent } from "react";
import { api } from "../../api/client";
import { Problem, textOf } from "../../api/problem";
import { demoStaffQuery, sessionQuery, signInNamesQuery } from "../../api/queries";
import type { DemoPerson, SignInName } from "../../api/schema.gen";
import { Button } from "../../design/Button";
import { Notice } from "../../design/feedback";
import { Field } from "../../design/Field";
import { Layout } from "../../design/Layout";
import { useStaffApp } from "../../design/screen";
import { useLiveConnection } from "../../live/hooks";
import { homeOf } from "../../staff";
import { forgetPerson, peopleFor, peopleOfThisDevice, rememberPerson } from "./people";
import { PinPad } from "./PinPad";
import { Tiles } from "./Tiles";
import "./signin.css";

const route = getRouteApi("/sign-in");

export function SignInScreen() {
  const { to } = route.useSearch();
  const router = useRouter();
  const queryClient = useQueryClient();
  const live = useLiveConnection();
  useStaffApp();
  const demo = useQuery(demoStaffQuery);
  const { data: shown } = useQuery(signInNamesQuery);
  const [remembered, setRemembered] = useState(peopleOfThisDevice);
  const [chosen, setChosen] = useState<SignInName | null>(null);
  /** Who was chosen, until somebody went back. */
  const [last, setLast] = useState<SignInName | null>(null);
  const [name, setName] = useState("");
  const [pin, setPin] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const pinInput = useRef<HTMLInputElement>(null);

  const signIn = async (person: { name: string; pin: string }) => {
    if (busy) return;
    setBusy(true);
    setProblem(null);
    try {
      const session = await api.signIn(person);
      queryClient.setQueryData(sessionQuery.queryKey, session);
      // Where everybody may see all names there is no need to keep some.
      if (shown?.length === 0) rememberPerson(session);
      live.reset(); // the old connection has no session, or another one
      await (to ? router.navigate({ href: to }) : router.navigate(homeOf(session.role)));
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(textOf(error), 0));
      setPin("");
      pinInput.current?.focus();
    } finally {
      setBusy(false);
    }
  };
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    void signIn({ name: name.trim(), pin });
  };
  const at = (pointer: string) => problem?.errors.find((fault) => fault.pointer === pointer)?.detail;
  /** Clears a field's fault as soon as somebody corrects it. */
  const clearFault = (pointer: string) => {
    if (at(pointer) !== undefined) setProblem(null);
  };
  const isOfAField = at("/name") !== undefined || at("/pin") !== undefined;
  const choose = (person: SignInName | null) => {
    setChosen(person);
    setProblem(null);
  };
  const isOfDevice = shown?.length === 0;
  const people = peopleFor(to, isOfDevice ? remembered : shown ?? []);

  if (chosen) {
    const demoPin = demo.data?.find((person) => person.name === chosen.name)?.pin;
    return (
      <Layout title="Staff sign-in" width="narrow">
        <div className="sign-in">
          <h1 className="visually-hidden">Staff sign-in</h1>
          <PinPad
            name={chosen.name}
            work={chosen.role}
            hint={demoPin && `${demoPin} in this demo`}
            fault={problem ? at("/pin") ?? problem.message : undefined}
            busy={busy}
            onSignIn={(digits) => signIn({ name: chosen.name, pin: digits })}
            onBack={() => { setLast(chosen); choose(null); }}
          />
        </div>
      </Layout>
    );
  }

  return (
    <Layout title="Staff sign-in" width="narrow">
      <div className="sign-in">
        <div>
          <h1>Staff sign-in</h1>
          <p className="lead">Customers do not need an account: <a href="/">order here</a>.</p>
        </div>
        {people.length > 0 && <Tiles people={people} last={last} onChoose={choose} onForget={isOfDevice ? (person) => { setRemembered(forgetPerson(person.name)); } : undefined} />}
        <form className="card stack" onSubmit={submit} noValidate>
          {people.length > 0 && <h2>Somebody else</h2>}
          {problem && !isOfAField && <Notice look="bad" urgent>{problem.message}</Notice>}
          <Field label="Name" error={at("/name")}>
            {(wiring) => <input {...wiring} className="input" autoComplete="username" autoCapitalize="none" spellCheck={false} value={name} onChange={(event) => { setName(event.target.value); clearFault("/name"); }} required />}
          </Field>
          <Field label="PIN" hint="6 to 12 digits" error={at("/pin")}>
            {(wiring) => (
              <input {...wiring} ref={pinInput} className="input sign-in-pin" type="password" inputMode="numeric" autoComplete="current-password" value={pin} onChange={(event) => { setPin(event.target.value); clearFault("/pin"); }} required />
            )}
          </Field>
          <Button look="primary" type="submit" off={busy}>{busy ? "Signing in …" : "Sign in"}</Button>
        </form>
        {demo.data && demo.data.length > 0 && <DemoStaff people={demo.data} choose={(person) => { void signIn(person); }} />}
      </div>
    </Layout>
  );
}

function DemoStaff({ people, choose }: { readonly people: readonly DemoPerson[]; readonly choose: (person: DemoPerson) => void }) {
  return (
    <section className="stack" aria-labelledby="demo">
      <Notice look="warn">
        <strong id="demo">This factory is for trying things out.</strong> Everybody who opens this page can see its staff and their PINs.
      </Notice>
      <ul className="sign-in-people">
        {people.map((person) => (
          <li key={person.name}>
            <Button onClick={() => { choose(person); }} className="sign-in-person">
              <span>Sign in as <b>{person.name}</b>, {person.role}</span> <span className="code">{person.pin}</span>
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}
