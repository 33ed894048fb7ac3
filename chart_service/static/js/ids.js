// Names of tabs and items: nobody reads them, and no two are alike.
export const newId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(6)), (byte) => byte.toString(36).padStart(2, "0")).join("");
