import type { Size } from "../api/schema.gen";
import "./cupcake.css";

interface Look {
  readonly frosting: string;
  readonly shade: string;
  readonly cake: string;
  readonly topping: string;
}

/** The flavours of the default kitchen file. Others get colours from their code. */
const looks: Readonly<Record<string, Look>> = {
  "red-velvet": { frosting: "#fbf3ea", shade: "#e8d8c8", cake: "#a3213b", topping: "#c22745" },
  chocolate: { frosting: "#7a4a33", shade: "#5c3522", cake: "#5a3322", topping: "#f3d9b8" },
  vanilla: { frosting: "#fff4cf", shade: "#f0dea3", cake: "#e7bd76", topping: "#e2618a" },
  lemon: { frosting: "#ffe97a", shade: "#f0cf45", cake: "#edc35d", topping: "#7fae3c" },
  carrot: { frosting: "#fff6e8", shade: "#ecdcc5", cake: "#b96b32", topping: "#ee7f2d" },
  strawberry: { frosting: "#f9b9c9", shade: "#ec94ab", cake: "#eac08c", topping: "#d7263d" },
  "salted-caramel": { frosting: "#e5b26d", shade: "#c98f45", cake: "#a7713a", topping: "#fff3dd" },
  "coffee-walnut": { frosting: "#c9a27f", shade: "#a98260", cake: "#7d5334", topping: "#6b4424" },
  almond: { frosting: "#fdeed7", shade: "#ead4b2", cake: "#d5a566", topping: "#9a6535" },
  "vegan-chocolate": { frosting: "#4d2f25", shade: "#382018", cake: "#3b2319", topping: "#8fc06b" },
};

function lookOf(flavour: string): Look {
  const known = looks[flavour];
  if (known) return known;
  let hue = 0;
  for (const letter of flavour) hue = (hue * 31 + (letter.codePointAt(0) ?? 0)) % 360;
  return { frosting: `hsl(${hue} 70% 84%)`, shade: `hsl(${hue} 55% 72%)`, cake: `hsl(${(hue + 30) % 360} 40% 52%)`, topping: `hsl(${(hue + 180) % 360} 60% 45%)` };
}

const scale: Readonly<Record<Size, number>> = { S: 0.74, M: 0.84, L: 0.93, XL: 1 };

/** A long message is written smaller, so that all of it is seen. */
function lengthClass(message: string): "short" | "medium" | "long" {
  const { length } = Array.from(message);
  return length <= 12 ? "short" : length <= 24 ? "medium" : "long";
}

/** How far a cupcake is: batter in a bowl, out of the oven and bare, decorated, or in its box. */
export type Make = "bowl" | "bare" | "decorated" | "boxed";

interface Props {
  readonly flavour: string;
  readonly size: Size;
  readonly make?: Make;
  /** Piped onto a plaque in front. */
  readonly message?: string | undefined;
}

/** A picture of a cupcake. It shows nothing that is not written elsewhere. */
export function Cupcake({ flavour, size, make = "decorated", message = "" }: Props) {
  const look = lookOf(flavour);
  const by = scale[size];
  return (
    <div className="cupcake" aria-hidden="true">
      <svg viewBox="0 0 120 120" focusable="false">
        <ellipse cx="60" cy="112" rx={38 * by} ry="5" fill="rgb(60 30 15 / 18%)" />
        <g transform={`translate(60 112) scale(${by}) translate(-60 -112)`}>
          {make === "bowl" && <Bowl {...look} />}
          {make === "bare" && <Cake {...look} />}
          {make === "decorated" && <><Cake {...look} /><Frosting {...look} /></>}
          {make === "boxed" && <Box {...look} />}
        </g>
      </svg>
      {message && <span className="cupcake-plaque" dir="auto" data-length={lengthClass(message)} translate="no">{message}</span>}
    </div>
  );
}

function Bowl({ cake }: Look) {
  return (
    <>
      <path d="M84 20L68 62" stroke="#b98a5a" strokeWidth="7" strokeLinecap="round" />
      <ellipse cx="60" cy="62" rx="44" ry="11" fill={cake} />
      <path d="M16 62a44 11 0 0 0 88 0c0 30-16 50-44 50S16 92 16 62z" fill="#e9eef2" />
      <path d="M24 78c6 5 20 9 36 9" fill="none" stroke="rgb(60 80 100 / 22%)" strokeWidth="4" strokeLinecap="round" />
    </>
  );
}

function Cake({ cake }: Look) {
  return (
    <>
      <path d="M24 68c0-14 16-24 36-24s36 10 36 24z" fill={cake} />
      <path d="M27 66h66l-7 40a7 7 0 0 1-7 6H41a7 7 0 0 1-7-6z" fill={cake} />
      <g stroke="rgb(255 255 255 / 32%)" strokeWidth="3" strokeLinecap="round">
        <path d="M39 71l4 36M50 71l2 36M60 71v36M70 71l-2 36M81 71l-4 36" />
      </g>
    </>
  );
}

function Frosting({ frosting, shade, topping }: Look) {
  return (
    <>
      <path d="M24 68c-7-9-2-20 8-21-1-11 8-18 17-17 1-9 8-13 13-19 1 8 9 10 9 18 9-1 17 6 16 17 11 1 16 13 8 22z" fill={frosting} />
      <path d="M24 68c-4-5-4-11-1-15 8 8 27 10 39 9s26-5 34-11c4 5 4 12 0 17z" fill={shade} />
      <path d="M33 46c8 7 22 8 31 7s18-4 23-9" fill="none" stroke={shade} strokeWidth="5" strokeLinecap="round" />
      <path d="M49 30c5 4 15 4 22-1" fill="none" stroke={shade} strokeWidth="4" strokeLinecap="round" />
      <circle cx="61" cy="13" r="7" fill={topping} />
      <circle cx="58.500" cy="10.500" r="2" fill="rgb(255 255 255 / 65%)" />
      <g fill={topping}>
        <circle cx="38" cy="56" r="2.400" /><circle cx="52" cy="43" r="2.200" /><circle cx="73" cy="40" r="2.400" /><circle cx="83" cy="55" r="2.200" /><circle cx="64" cy="58" r="2.200" />
      </g>
    </>
  );
}

function Box({ frosting, topping }: Look) {
  return (
    <>
      <path d="M18 58h84v48a6 6 0 0 1-6 6H24a6 6 0 0 1-6-6z" fill="#f3dcc0" />
      <path d="M12 42h96v18H12z" fill="#e6c59d" />
      <path d="M52 42h16v70H52z" fill={frosting} stroke="rgb(60 30 15 / 22%)" strokeWidth="1.500" />
      <path d="M60 42c-18-22-34-8-20 0zM60 42c18-22 34-8 20 0z" fill={topping} />
    </>
  );
}
