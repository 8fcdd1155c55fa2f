using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Tracking.Api;
using Tracking.Database;
using Tracking.Management.Audit;
using Tracking.Management.Requests;

namespace Tracking.Management.Events;

/// <summary>
/// Exports a whole range of events as a stream: one line of JSON for each event (<c>application/x-ndjson</c>), or CSV
/// (RFC 4180). A failure in the middle aborts the connection, so a broken export never looks like a short one.
/// </summary>
internal sealed class ExportEvents(
    ApiDataSource dataSource, EventSelection selection, int? limit, string mediaType, JsonSerializerOptions json)
    : IResult
{
    public const string Ndjson = "application/x-ndjson";
    public const string Csv = "text/csv";

    // About 1 MB of rows. The number makes the round trip negligible and fits into memory.
    private const int ChunkSize = 1000;

    private static readonly string[] _columns =
    [
        "id", "time", "kind", "message", "messageId", "recipient", "linkId", "url", "linkName", "part", "position",
        "ordinal", "clientAddress", "userAgent", "method", "verdict", "vendor", "reasons",
        "uncounted",
    ];

    private static readonly byte[] _newLine = "\n"u8.ToArray();

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var share = httpContext.RequestServices.GetRequiredService<LimitTenants>()
            .Of(httpContext.Features.Get<ApiKeyHolder>()!);
        if (share.BeginExport() is { } refusal)
        {
            await refusal.ExecuteAsync(httpContext);
            return;
        }

        try
        {
            await WriteDownAsync(
                httpContext.Features.Get<ApiKeyHolder>()!,
                httpContext.RequestServices.GetRequiredService<TimeProvider>(),
                httpContext.RequestAborted);
            await StreamAsync(httpContext.Response, share, httpContext.RequestAborted);
        }
        finally
        {
            share.EndExport();
        }
    }

    // Records who exported which range, so that a recipient who withdraws later can be told about it. The other
    // conditions are not recorded, because they may name a person.
    private async Task WriteDownAsync(ApiKeyHolder holder, TimeProvider time, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.Connections.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await RecordChange.AddAsync(
            transaction,
            holder,
            new("export-events", mediaType, selection.Cluster, After: new { selection.From, selection.To }),
            time,
            cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    private async Task StreamAsync(HttpResponse response, TenantShare share, CancellationToken cancellationToken)
    {
        var left = limit ?? int.MaxValue;
        var next = selection;
        while (true)
        {
            var count = Math.Min(left, ChunkSize);

            // The first page is read before the first byte is sent, so that an early failure is answered with a status.
            var (chunk, searchedTo) = await ReadAsync(share, next, count, cancellationToken);
            if (!response.HasStarted)
            {
                response.ContentType = mediaType == Csv ? "text/csv; charset=utf-8; header=present" : Ndjson;
                await response.StartAsync(cancellationToken);
                if (mediaType == Csv)
                {
                    await response.WriteAsync(string.Join(',', _columns) + "\r\n", cancellationToken);
                }
            }

            await WriteAsync(response, chunk, cancellationToken);
            left -= chunk.Count;
            if (left == 0 || (chunk.Count < count && searchedTo is null))
            {
                return;
            }

            next = next with { After = searchedTo ?? chunk[^1].Id };
        }
    }

    // The export counts as the tenant's other requests do, but waits for its turn, because a broken export cannot be
    // continued.
    private async Task<SelectedEvents> ReadAsync(
        TenantShare share, EventSelection next, int count, CancellationToken cancellationToken)
    {
        await share.EnterForExportAsync(cancellationToken);
        var began = share.Begin();
        try
        {
            return await SelectEvents.ReadAsync(dataSource, next, count, SearchSteps.Rows, cancellationToken);
        }
        finally
        {
            share.Leave(began);
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
            tracked.Link?.Part?.ToString(CultureInfo.InvariantCulture),
            tracked.Link?.Position?.ToString(CultureInfo.InvariantCulture),
            tracked.Ordinal?.ToString(CultureInfo.InvariantCulture),
            tracked.ClientAddress, tracked.UserAgent, tracked.Method, ReadQuery.Word(tracked.Classification.Verdict),
            tracked.Classification.Vendor, string.Join(' ', tracked.Classification.Reasons),
            tracked.Uncounted is { } why ? ReadQuery.Word(why) : null,
        ];
        for (var i = 0; i < cells.Length; i++)
        {
            line.Append(i == 0 ? "" : ",");
            AppendCell(line, cells[i] ?? "");
        }

        line.Append("\r\n");
    }

    /// <summary>Appends a cell: quoted where RFC 4180 demands it, and with an apostrophe before text that a spreadsheet
    /// would read as a formula. Anybody can send a user agent, and an admin opens the file.</summary>
    internal static void AppendCell(StringBuilder line, string text)
    {
        text = Disarm(text);
        if (text.AsSpan().IndexOfAny("\",\r\n") < 0)
        {
            line.Append(text);
            return;
        }

        line.Append('"').Append(text.Replace("\"", "\"\"", StringComparison.Ordinal)).Append('"');
    }

    /// <summary>
    /// Adds an apostrophe where a cell would begin with a formula: at the beginning, and after each of <c>; | TAB CR
    /// LF</c>. A spreadsheet may be configured to divide cells there, and then ignores our quotes. Blanks, quotes and
    /// apostrophes before the formula are skipped, because some programs remove them. Removing one apostrophe at each
    /// such place gives the original text.
    /// </summary>
    private static string Disarm(string text)
    {
        StringBuilder? disarmed = null;
        var copied = 0;
        for (var i = 0; i <= text.Length; i++)
        {
            if ((i == 0 || Divides(text[i - 1])) && BeginsFormula(text.AsSpan(i), isWholeCell: i == 0))
            {
                disarmed = (disarmed ?? new StringBuilder()).Append(text, copied, i - copied).Append('\'');
                copied = i;
            }
        }

        return disarmed?.Append(text, copied, text.Length - copied).ToString() ?? text;
    }

    private static bool Divides(char c) => c is ';' or '|' or '\t' or '\r' or '\n';

    // The full-width forms begin a formula too, in Chinese and Japanese.
    private static bool BeginsFormula(ReadOnlySpan<char> cell, bool isWholeCell)
    {
        if (isWholeCell && cell.TrimStart('\'') is ['\t' or '\r' or '\n', ..])
        {
            return true;
        }

        foreach (var c in cell)
        {
            if (c is '=' or '+' or '-' or '@' or '\uff1d' or '\uff0b' or '\uff0d' or '\uff20')
            {
                return true;
            }

            if (Divides(c)
                || !(c is '"' or '\'' || char.IsWhiteSpace(c) || char.IsControl(c)
                    || char.GetUnicodeCategory(c) == UnicodeCategory.Format))
            {
                return false;
            }
        }

        return false;
    }
}
