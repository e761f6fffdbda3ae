// Every other path is a page, that of the WebSockets too.
export default function Page() {
  return <p>Another page</p>;
}
