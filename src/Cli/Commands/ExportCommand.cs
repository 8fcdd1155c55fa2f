using System.Buffers;
using System.CommandLine;
using System.Net;
using System.Text;

namespace Tracking.Cli.Commands;

/// <summary><c>trackctl events export</c>: all events of a range, as NDJSON or CSV.</summary>
internal static class ExportCommand
{
    public static Command Create(Connection connection, IReadOnlyList<Option<string?>> filters)
    {
        var cluster = Connection.Cluster();
        var format = new Option<string>("--format")
        {
            Description = "ndjson (default: a line of JSON an event) or csv",
            DefaultValueFactory = _ => "ndjson",
        };
        format.AcceptOnlyFromAmong("ndjson", "csv");
        var output = new Option<string?>("--output", "-o") { Description = "A new file; default: the standard output" };
        var command = new Command("export", "Writes all events of a time range, the oldest first.")
        {
            cluster, format, output,
        };
        foreach (var filter in filters)
        {
            command.Options.Add(filter);
        }

        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(cluster)!, async (api, id, terminal) =>
        {
            Stream destination;
            try
            {
                destination = parsed.GetValue(output) is { } file
                    ? new FileStream(file, FileMode.CreateNew, FileAccess.Write)
                    : Console.OpenStandardOutput();
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                terminal.Complain(exception.Message);
                return ExitCode.Usage;
            }

            await using (destination)
            {
                var path = $"clusters/{Query.Escape(id)}/events?order=asc" + EventsCommand.Parameters(parsed, filters);
                return await new DownloadEvents(
                    api, path, parsed.GetValue(format) == "csv", destination, terminal, TimeProvider.System)
                    .RunAsync(cancellationToken);
            }
        }, cancellationToken));
        return command;
    }
}

/// <summary>
/// Downloads an export from the API. Only whole events are written. After a broken connection the download continues
/// after the id of the last written event. Memory use does not depend on the number of events.
/// </summary>
/// <param name="api">The API.</param>
/// <param name="path">Path and filters.</param>
/// <param name="isCsv">Whether the format is CSV; otherwise NDJSON.</param>
/// <param name="output">Receives the events.</param>
/// <param name="terminal">Receives error messages.</param>
/// <param name="time">Time.</param>
internal sealed class DownloadEvents(
    TrackingApi api, string path, bool isCsv, Stream output, Terminal terminal, TimeProvider time)
{
    // Consecutive attempts without a new event. The pauses between them are longer than a restart of the server.
    private const int Attempts = 6;

    private static readonly TimeSpan _firstPause = TimeSpan.FromSeconds(1);

    private readonly ArrayBufferWriter<byte> _record = new();
    private bool _isQuoted;
    private bool _isHeaderWritten;
    private string? _last;

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var pause = _firstPause;
        for (var attempt = 1; ;)
        {
            var before = _last;
            var (code, complaint) = await TryAsync(cancellationToken);
            if (code != ExitCode.Unavailable)
            {
                if (complaint is not null)
                {
                    terminal.Complain(complaint);
                }

                await output.FlushAsync(cancellationToken);
                return code;
            }

            (attempt, pause) = _last == before ? (attempt + 1, pause * 2) : (1, _firstPause);
            if (attempt > Attempts)
            {
                terminal.Complain(complaint! + (_last is null ? "" : $" Written up to event {_last}."));
                return code;
            }

            terminal.Complain($"{complaint} Going on in a moment.");
            await Task.Delay(pause, time, cancellationToken);
        }
    }

    private async Task<(int Code, string? Complaint)> TryAsync(CancellationToken cancellationToken)
    {
        // Drop the part of an event that the last attempt ended with.
        _record.ResetWrittenCount();
        _isQuoted = false;
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path + Query.After(_last));
            request.Headers.Accept.ParseAdd(isCsv ? "text/csv" : "application/x-ndjson");
            using var response = await api.Client.SendAsync(
                request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            if (!response.IsSuccessStatusCode)
            {
                var isAway = response.StatusCode is HttpStatusCode.TooManyRequests
                    or >= HttpStatusCode.InternalServerError;
                return (
                    isAway ? ExitCode.Unavailable : ExitCode.Refused,
                    $"{api.Server} answered {(int)response.StatusCode}: "
                        + await response.Content.ReadAsStringAsync(cancellationToken));
            }

            await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
            var isHeader = isCsv;
            var buffer = new byte[64 << 10];
            for (int length; (length = await body.ReadAsync(buffer, cancellationToken)) > 0;)
            {
                Take(buffer.AsSpan(0, length), ref isHeader);
            }

            return (ExitCode.Done, null);
        }
        catch (Exception exception) when (exception is HttpRequestException or HttpIOException
            || (exception is TaskCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return (ExitCode.Unavailable, $"{api.Server} broke off: {exception.Message}");
        }
    }

    private void Take(ReadOnlySpan<byte> bytes, ref bool isHeader)
    {
        foreach (var b in bytes)
        {
            _record.Write([b]);
            // A quoted cell may contain a line end (RFC 4180). A line of JSON contains none.
            _isQuoted ^= isCsv && b == '"';
            if (b != '\n' || _isQuoted)
            {
                continue;
            }

            var record = _record.WrittenSpan;
            if (!isHeader)
            {
                _last = IdOf(record);
            }

            if (!isHeader || !_isHeaderWritten)
            {
                output.Write(record);
                _isHeaderWritten |= isHeader;
            }

            isHeader = false;
            _record.ResetWrittenCount();
        }
    }

    // The id is the first cell of a row, and the first member of an object.
    private string IdOf(ReadOnlySpan<byte> record)
    {
        var begin = isCsv ? 0 : "{\"id\":\""u8.Length;
        return Encoding.ASCII.GetString(record.Slice(begin, 36));
    }
}
