using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Tracking.Links;
using Tracking.RedirectEdge.Destinations;
using Tracking.RedirectEdge.Tests.Events;

namespace Tracking.RedirectEdge.Tests;

/// <summary>
/// Tests the order of the system calls, which strace records from outside this process. A killed process cannot show
/// the order, because the operating system's cache survives the kill.
/// </summary>
[Collection(nameof(SystemCallOrderTests))]
[CollectionDefinition(nameof(SystemCallOrderTests), DisableParallelization = true)]
public sealed partial class SystemCallOrderTests
{
    private const int AllowTracingBy = 0x59616d61;

    [Fact]
    public async Task S1_every_answer_is_sent_after_the_write_of_its_event_has_returned()
    {
        const int Clicks = 40;
        await using var edge = await EdgeUnderTest.StartAsync();
        var links = edge.Services.GetRequiredService<LinkLookup>();
        for (var i = 1; i <= Clicks; i++)
        {
            links.Add(new LinkKey(EdgeUnderTest.Cluster, new LinkId((ulong)i)), $"https://example.com/answer-{i}-end");
        }

        var calls = await TraceAsync(() => Parallel.ForEachAsync(
            Enumerable.Range(1, Clicks),
            new ParallelOptions { MaxDegreeOfParallelism = 16 },
            async (i, _) => Assert.Equal(302, (await edge.SendAsync(
                $"GET /c/{EdgeUnderTest.Token(link: new LinkId((ulong)i))} HTTP/1.1\r\nHost: {EdgeUnderTest.Host}\r\n"
                + $"User-Agent: event-{i}-end\r\nConnection: close\r\n\r\n")).Status)));

        for (var i = 1; i <= Clicks; i++)
        {
            var written = Assert.Single(
                calls,
                call => call.Name == "pwrite64" && call.Text.Contains($"event-{i}-end", StringComparison.Ordinal));
            var sent = Assert.Single(
                calls,
                call => call.Name.StartsWith("send", StringComparison.Ordinal)
                    && call.Text.Contains($"answer-{i}-end", StringComparison.Ordinal));
            Assert.True(written.Returned < sent.Began, $"Click {i}: answered before its event was written.");
        }
    }

    [Fact]
    public async Task S4_a_sequence_is_synced_before_its_segment_exists_and_a_segment_before_and_after_it_is_renamed()
    {
        using var folder = new TemporaryFolder();
        var time = new FakeTimeProvider();
        using var spool = new TestSpool(folder, time: time);
        var calls = await TraceAsync(() =>
        {
            spool.Append("a");
            time.Advance(spool.Options.SealAfter);
            spool.Spool.DetachDue();
            Assert.True(spool.Spool.SealDetached());
            return Task.CompletedTask;
        });

        Assert.Equal(
            [
                "openat sequence.tmp", "pwrite64 sequence.tmp", "fsync sequence.tmp", "rename sequence.tmp",
                "fsync .",
                "openat .open", "pwrite64 .open", "fsync .open", "rename .open",
                "fsync spool",
            ],
            calls.Where(call => call.Text.Contains(folder.Path, StringComparison.Ordinal))
                .Select(call => (call.Name, What: What(call.Text, folder.Path)))
                .Where(call => call.Name is "fsync" or "rename"
                    || !call.What.EndsWith("spool", StringComparison.Ordinal))
                .Where(call => call is not ("openat", "."))
                .Select(call => $"{call.Name} {call.What}"));
    }

    // The file of a call, without its number.
    private static string What(string text, string folder)
    {
        var path = text[(text.IndexOf(folder, StringComparison.Ordinal) + folder.Length)..];
        path = path[..path.IndexOfAny(['"', '>'])];
        return path.EndsWith(".open", StringComparison.Ordinal) ? ".open"
            : path.Length == 0 ? "." : Path.GetFileName(path);
    }

    private static async Task<List<Call>> TraceAsync(Func<Task> action)
    {
        var token = TestContext.Current.CancellationToken;
        var output = Path.GetTempFileName();
        try
        {
            // A process must allow tracing by a process that is not its parent.
            _ = Prctl(AllowTracingBy, -1, 0, 0, 0);
            using var strace = Start(output);
            if (strace is null || await strace.StandardError.ReadLineAsync(token) is not { } line
                || !line.Contains("attached", StringComparison.Ordinal))
            {
                Assert.Skip("strace is not installed or may not attach here.");
            }

            var rest = strace.StandardError.ReadToEndAsync(token);
            try
            {
                await action();
            }
            finally
            {
                _ = Kill(strace.Id, 2);
                await rest;
                await strace.WaitForExitAsync(token);
            }

            return Parse(await File.ReadAllLinesAsync(output, token));
        }
        finally
        {
            File.Delete(output);
        }
    }

    private static Process? Start(string output)
    {
        try
        {
            return Process.Start(new ProcessStartInfo("strace")
            {
                RedirectStandardError = true,
                ArgumentList =
                {
                    "-f", "-y", "-s", "65536", "-o", output,
                    "-e", "trace=pwrite64,pwritev,sendto,sendmsg,fsync,rename,openat",
                    "-p", $"{Environment.ProcessId}",
                },
            });
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    // "123 pwrite64(7</a/b>, ...) = 90", or in two parts: "... <unfinished ...>" and "<... pwrite64 resumed>) = 90".
    private static List<Call> Parse(string[] lines)
    {
        var calls = new List<Call>();
        var unfinished = new Dictionary<string, int>();
        for (var i = 0; i < lines.Length; i++)
        {
            var parts = lines[i].Split(' ', 2, StringSplitOptions.TrimEntries);
            if (parts[1].StartsWith("<...", StringComparison.Ordinal))
            {
                if (unfinished.Remove(parts[0], out var index))
                {
                    calls[index] = calls[index] with { Returned = i };
                }

                continue;
            }

            var end = parts[1].IndexOf('(', StringComparison.Ordinal);
            if (end < 0)
            {
                continue;
            }

            var whole = !parts[1].EndsWith("<unfinished ...>", StringComparison.Ordinal);
            if (!whole)
            {
                unfinished[parts[0]] = calls.Count;
            }

            calls.Add(new Call(parts[1][..end], parts[1], i, whole ? i : int.MaxValue));
        }

        return calls;
    }

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int Prctl(int option, nint a, nint b, nint c, nint d);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);

    private sealed record Call(string Name, string Text, int Began, int Returned);
}
