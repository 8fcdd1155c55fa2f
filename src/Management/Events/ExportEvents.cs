using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Npgsql;
using Tracking.Management.Requests;

namespace Tracking.Management.Events;

/// <summary>
/// A whole range of events as a stream: a line of JSON each (<c>application/x-ndjson</c>), or CSV (RFC 4180). A failure
/// on the way aborts the connection, so that a broken export never looks like a short one.
/// </summary>
internal sealed class ExportEvents(
    NpgsqlDataSource dataSource, EventSelection selection, int? limit, string mediaType, JsonSerializerOptions json)
    : IResult
{
    public const string Ndjson = "application/x-ndjson";
    public const string Csv = "text/csv";

    // About 1 MB of rows: enough that the round trip does not count, little enough to hold.
    private const int ChunkSize = 1000;

    private static readonly string[] _columns =
    [
        "id", "time", "kind", "message", "messageId", "recipient", "linkId", "url", "linkName", "part", "position",
        "ordinal", "clientAddress", "userAgent", "method", "verdict", "vendor", "reasons",
    ];

    private static readonly byte[] _newLine = "\n"u8.ToArray();

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var cancellationToken = httpContext.RequestAborted;
        var response = httpContext.Response;
        response.ContentType = mediaType == Csv ? "text/csv; charset=utf-8; header=present" : Ndjson;
        var left = limit ?? int.MaxValue;

        // Read before the first byte leaves: what fails at once is still answered with a status.
        var chunk = await SelectEvents.ReadAsync(dataSource, selection, Math.Min(left, ChunkSize), cancellationToken);
        if (mediaType == Csv)
        {
            await response.WriteAsync(string.Join(',', _columns) + "\r\n", cancellationToken);
        }

        while (chunk.Count != 0)
        {
            await WriteAsync(response, chunk, cancellationToken);
            left -= chunk.Count;
            if (chunk.Count < ChunkSize || left == 0)
            {
                return;
            }

            chunk = await SelectEvents.ReadAsync(
                dataSource, selection with { After = chunk[^1].Id }, Math.Min(left, ChunkSize), cancellationToken);
        }
    }

    private async Task WriteAsync(
        HttpResponse response, List<EventResponse> events, CancellationToken cancellationToken)
    {
        if (mediaType == Csv)
        {
            var text = new StringBuilder();
            foreach (var tracked in events)
            {
                AppendCsv(text, tracked);
            }

            await response.WriteAsync(text.ToString(), cancellationToken);
            return;
        }

        foreach (var tracked in events)
        {
            await JsonSerializer.SerializeAsync(response.BodyWriter, tracked, json, cancellationToken);
            await response.BodyWriter.WriteAsync(_newLine, cancellationToken);
        }
    }

    internal static void AppendCsv(StringBuilder line, EventResponse tracked)
    {
        string?[] cells =
        [
            tracked.Id.ToString(), Rfc3339Time.Format(tracked.Time), ReadQuery.Word(tracked.Kind), tracked.Message,
            tracked.MessageId, tracked.Recipient, tracked.Link?.Id, tracked.Link?.Url, tracked.Link?.Name,
            tracked.Link?.Part?.ToString(System.Globalization.CultureInfo.InvariantCulture),
            tracked.Link?.Position?.ToString(System.Globalization.CultureInfo.InvariantCulture),
            tracked.Ordinal?.ToString(System.Globalization.CultureInfo.InvariantCulture),
            tracked.ClientAddress, tracked.UserAgent, tracked.Method, ReadQuery.Word(tracked.Classification.Verdict),
            tracked.Classification.Vendor, string.Join(' ', tracked.Classification.Reasons),
        ];
        for (var i = 0; i < cells.Length; i++)
        {
            line.Append(i == 0 ? "" : ",");
            AppendCell(line, cells[i] ?? "");
        }

        line.Append("\r\n");
    }

    /// <summary>A cell: quoted where RFC 4180 says so, and with an apostrophe before what a spreadsheet would take for
    /// a formula. Anybody can send a user agent, and the file is opened by an admin.</summary>
    internal static void AppendCell(StringBuilder line, string text)
    {
        if (text.Length != 0 && text[0] is '=' or '+' or '-' or '@' or '\t' or '\r' or '\n')
        {
            text = "'" + text;
        }

        if (text.AsSpan().IndexOfAny("\",\r\n") < 0)
        {
            line.Append(text);
            return;
        }

        line.Append('"').Append(text.Replace("\"", "\"\"", StringComparison.Ordinal)).Append('"');
    }
}
