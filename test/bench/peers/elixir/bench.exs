# GenServers under a Registry that append messages to their state: elixir bench.exs [servers] [text of a message]
# A line "CALLS CALLERS" on stdin runs one round and answers with one line of JSON: microseconds of wall and of CPU per call.
# CPU time is :erlang.statistics(:runtime), the sum of all threads in milliseconds; schedulers that wait busily are part of it.

defmodule Session do
  use GenServer

  @kept 100

  def start_link(id), do: GenServer.start_link(__MODULE__, id, name: via(id))

  def send_message(id, role, content), do: GenServer.call(via(id), {:send, role, content})

  def init(id), do: {:ok, %{id: id, messages: :queue.new(), kept: 0, seq: 0, bytes: 0, updated_at: 0}}

  def handle_call({:send, role, content}, _from, state) do
    seq = state.seq + 1
    at = System.system_time(:millisecond)
    messages = :queue.in(%{seq: seq, at: at, role: role, content: content}, state.messages)
    state = %{state | seq: seq, bytes: state.bytes + byte_size(content), updated_at: at}
    {:reply, {:ok, %{seq: seq}}, bounded(state, messages)}
  end

  defp bounded(%{kept: @kept} = state, messages), do: %{state | messages: :queue.drop(messages)}
  defp bounded(state, messages), do: %{state | messages: messages, kept: state.kept + 1}

  defp via(id), do: {:via, Registry, {Sessions, id}}
end

defmodule Bench do
  def start(servers) do
    {:ok, _} = Registry.start_link(keys: :unique, name: Sessions)
    ids = for i <- 0..(servers - 1), do: "s#{i}"
    for id <- ids, do: {:ok, _} = Session.start_link(id)
    List.to_tuple(ids)
  end

  def serve(ids, content) do
    IO.puts(~s({"ready":#{tuple_size(ids)}}))

    for line <- IO.stream(:stdio, :line) do
      [calls, callers] = line |> String.split() |> Enum.map(&String.to_integer/1)
      :erlang.garbage_collect()
      {wall, cpu} = measure(fn -> call_all(ids, content, div(calls, callers), callers) end)
      made = div(calls, callers) * callers
      IO.puts(~s({"calls":#{made},"wallUs":#{wall / made},"cpuUs":#{cpu / made}}))
    end
  end

  defp measure(job) do
    {cpu_before, _} = :erlang.statistics(:runtime)
    wall_before = System.monotonic_time(:microsecond)
    job.()
    wall_after = System.monotonic_time(:microsecond)
    {cpu_after, _} = :erlang.statistics(:runtime)
    {wall_after - wall_before, (cpu_after - cpu_before) * 1000}
  end

  defp call_all(ids, content, each, 1), do: call_in_turn(ids, content, 0, each)

  defp call_all(ids, content, each, callers) do
    1..callers
    |> Enum.map(fn i ->
      Task.async(fn -> call_in_turn(ids, content, (i - 1) * each, i * each) end)
    end)
    |> Task.await_many(:infinity)
  end

  defp call_in_turn(_ids, _content, same, same), do: :ok

  defp call_in_turn(ids, content, i, until) do
    {:ok, _} = Session.send_message(elem(ids, rem(i, tuple_size(ids))), "user", content)
    call_in_turn(ids, content, i + 1, until)
  end
end

{servers, content} =
  case System.argv() do
    [servers, content] -> {String.to_integer(servers), content}
    [servers] -> {String.to_integer(servers), String.duplicate("x", 90)}
    [] -> {10_000, String.duplicate("x", 90)}
  end

servers |> Bench.start() |> Bench.serve(content)
