export default function Page() {
  return <p>The first page</p>;
}
