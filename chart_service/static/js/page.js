// What the server told this page: language, texts, addresses, the token for unsafe requests, data of the page's own.
const described = JSON.parse(document.getElementById("page").textContent);

export const lang = described.lang;
export const texts = described.texts;
export const plotlyUrl = described.plotly;
export const csrf = described.csrf;
export const data = described.data;
