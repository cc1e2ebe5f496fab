// What a CMS does with <picture-desk>: it hands over the text, and takes the picture.

const article = document.querySelector("#article");
const desk = document.querySelector("picture-desk");

const handOver = () => {
  desk.text = article.value;
};

desk.addEventListener("picture-chosen", (event) => {
  const { picture } = event.detail;
  document.querySelector("#chosen").textContent = `${picture.caption}, ${picture.credit || picture.uri}`;
});

article.addEventListener("input", handOver);
customElements.whenDefined("picture-desk").then(handOver);
