/** The page of the API's calls: hands the vendored viewer its document, and lets it ask as whoever is signed in. */

const place = document.getElementById("calls");
const { document: url, csrfCookie } = place.dataset;
const SAFE = ["GET", "HEAD", "OPTIONS"];

function csrfToken() {
  const found = document.cookie.split("; ").find((one) => one.startsWith(`${csrfCookie}=`));
  return found?.slice(csrfCookie.length + 1) ?? "";
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const dress = () => document.documentElement.classList.toggle("dark-mode", dark.matches); // as the viewer calls it
dark.addEventListener("change", dress);
dress();

window.SwaggerUIBundle({
  domNode: place,
  url,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null, // nobody else is asked
  requestInterceptor: (request) => {
    if (!SAFE.includes((request.method ?? "GET").toUpperCase())) request.headers["X-CSRFToken"] = csrfToken();
    return request;
  },
});
