using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Cli;

/// <summary>trackctl as a process.</summary>
internal sealed class Trackctl : IDisposable
{
    private readonly Process _process;
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly StringBuilder _error = new();

    private Trackctl(ProcessStartInfo start, byte[]? input)
    {
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is not null)
            {
                _lines.Enqueue(line.Data);
            }
        };
        _process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is not null)
            {
                lock (_error)
                {
                    _error.AppendLine(line.Data);
                }
            }
        };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        if (input is not null)
        {
            _ = WriteAsync(input);
        }
    }

    public string Error
    {
        get
        {
            lock (_error)
            {
                return _error.ToString();
            }
        }
    }

    public static Trackctl Start(Uri? url, string? key, params string[] arguments) =>
        Start(url, key, null, arguments);

    /// <summary>Starts trackctl with bytes on its standard input.</summary>
    public static Trackctl Start(Uri? url, string? key, byte[]? input, string[] arguments)
    {
        // The program in its own output folder. The tests' folder lacks some of its files, because there ASP.NET Core
        // provides them.
        var program = BuiltPrograms.Cli + ".dll";
        var start = new ProcessStartInfo("dotnet", [program, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = input is not null,
            WorkingDirectory = Path.GetTempPath(),
        };
        start.Environment.Remove("TRACKING_DATA");
        start.Environment["TRACKING_URL"] = url?.ToString();
        start.Environment["TRACKING_KEY"] = key;
        return new Trackctl(start, input);
    }

    public static async Task<(int Code, string Output, string Error)> RunAsync(
        Uri? url, string? key, params string[] arguments)
    {
        using var trackctl = Start(url, key, arguments);
        return await trackctl.EndAsync();
    }

    public async Task<(int Code, string Output, string Error)> EndAsync()
    {
        using var deadline = new CancellationTokenSource(Eventually.Deadline);
        await _process.WaitForExitAsync(deadline.Token);
        return (_process.ExitCode, string.Join('\n', _lines), Error);
    }

    /// <summary>Waits for lines of the output.</summary>
    public async Task<string[]> LinesAsync(int count)
    {
        await UntilAsync(() => _lines.Count >= count, $"{count} lines are written");
        return [.. _lines];
    }

    public Task ErrorAsync(string text) => UntilAsync(
        () => Error.Contains(text, StringComparison.Ordinal), $"'{text}' is written");

    /// <summary>Sends the signal of Ctrl-C.</summary>
    public Task InterruptAsync() => SignalAsync("INT");

    /// <summary>Sends a signal.</summary>
    public async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", ["-" + signal, _process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    private async Task WriteAsync(byte[] input)
    {
        try
        {
            await _process.StandardInput.BaseStream.WriteAsync(input);
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The process did not read all of its input.
        }
    }

    private Task UntilAsync(Func<bool> condition, string what) => Eventually.HoldsAsync(
        () =>
        {
            // Output is checked before the end of the process, because lines from before its end count.
            var hasEnded = _process.HasExited;
            var holds = condition();
            Assert.True(holds || !hasEnded, $"ended without: {what}\n{string.Join('\n', _lines)}\n{Error}");
            return holds;
        },
        what,
        TestContext.Current.CancellationToken);
}
