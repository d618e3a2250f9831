/**
 * Draws one formula or diagram after the other, in a frame without rights: no origin, no network, no page around it. What
 * a document's author wrote is only ever a string here; what is drawn leaves as the text of an SVG.
 */

const SCRIPTS = document.currentScript.dataset;
const SVG_CHARS = 2_000_000;
const EM_PER_EX = 0.47; // MathJax measures in heights of its x; so large is that beside our text
const DELIMITERS = /^(?:\$\$|\\\[|\\\(|\$`|\$)([^]*?)(?:\$\$|\\\]|\\\)|`\$|\$)$/;

// What a diagram's own words may not change. What they draw goes through no page of ours in any case.
const FIXED = ["secure", "securityLevel", "startOnLoad", "maxTextSize", "maxEdges", "suppressErrorRendering", "htmlLabels"];
FIXED.push("flowchart", "themeCSS", "themeVariables", "fontFamily", "altFontFamily", "dompurifyConfig");

const loaded = {};
let number = 0;

function load(kind) {
  loaded[kind] ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = SCRIPTS[kind];
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });
  return loaded[kind];
}

window.MathJax = {
  startup: { typeset: false },
  // Nothing that loads more, and an end to macros that call each other.
  tex: { packages: { "[-]": ["require", "autoload"] }, maxMacros: 500, maxBuffer: 5120 },
  svg: { fontCache: "none" },
  options: { enableMenu: false, enableAssistiveMml: false },
};

async function math({ source, color }) {
  await load("math");
  await window.MathJax.startup.promise;
  const isEnvironment = source.startsWith("\\begin{");
  const formula = isEnvironment ? source : DELIMITERS.exec(source)?.[1];
  if (!formula) throw new Error("no formula");
  window.MathJax.texReset(); // each is drawn alone, and may be drawn again: no label is known from before
  const display = source.startsWith("$$") || source.startsWith("\\[") || isEnvironment;
  const svg = window.MathJax.tex2svg(formula, { display }).querySelector("svg");
  if (svg.querySelector('[data-mml-node="merror"]')) throw new Error("not TeX");
  const [width, height] = ["width", "height"].map((side) => parseFloat(svg.getAttribute(side)) * EM_PER_EX);
  const depth = -parseFloat(svg.style.verticalAlign || "0") * EM_PER_EX;
  svg.removeAttribute("style");
  svg.style.color = color;
  return { svg: new XMLSerializer().serializeToString(svg), width, height, depth };
}

async function mermaid({ source, dark }) {
  await load("mermaid");
  window.mermaid.initialize({
    secure: FIXED,
    startOnLoad: false,
    securityLevel: "strict",
    suppressErrorRendering: true,
    htmlLabels: false,
    flowchart: { htmlLabels: false },
    maxTextSize: 20_000,
    maxEdges: 500,
    theme: dark ? "dark" : "default",
  });
  const drawn = await window.mermaid.render(`diagram-${(number += 1)}`, source);
  const svg = new DOMParser().parseFromString(drawn.svg, "text/html").querySelector("svg");
  const [, , width, height] = svg.getAttribute("viewBox").split(/[\s,]+/).map(Number);
  svg.removeAttribute("style");
  svg.setAttribute("width", width);
  svg.setAttribute("height", height);
  return { svg: new XMLSerializer().serializeToString(svg), width, height };
}

const KINDS = { math, mermaid };

addEventListener("message", async ({ source, data }) => {
  if (source !== parent || !Object.hasOwn(KINDS, data?.kind)) return;
  try {
    const drawn = await KINDS[data.kind](data);
    if (drawn.svg.length > SVG_CHARS) throw new Error("too large");
    parent.postMessage(drawn, "*");
  } catch (error) {
    parent.postMessage({ error: String(error) }, "*");
  }
});

parent.postMessage({ ready: true }, "*");
