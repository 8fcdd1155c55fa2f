using System.IO.Compression;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using Tracking.Links;

namespace Tracking.Rewrite.Messages;

/// <summary>
/// Keeps the HTML of mail for click maps, without delaying the mail. Offered HTML waits in a short queue, and one
/// writer compresses and stores it. If the queue is full, the HTML is dropped and counted. Only the picture of a click
/// map depends on it.
/// </summary>
public sealed partial class KeepHtml(
    NpgsqlDataSource dataSource, RewriteTelemetry telemetry, TimeProvider time, ILogger<KeepHtml> logger)
    : BackgroundService
{
    // 256 messages of 60 kB each take some 16 MB, and are a second's work of a busy rewriter.
    private const int InLine = 256;

    // HTML that many messages share is compressed once a day.
    private const int Remembered = 1024;

    private const string Insert =
        """
        INSERT INTO rewrite.message_bodies AS m (cluster_id, message_key, hash, kept_until) VALUES ($1, $2, $3, $4)
        ON CONFLICT (cluster_id, message_key) DO UPDATE SET hash = excluded.hash, kept_until = excluded.kept_until
        """;

    private const string InsertBody =
        """
        INSERT INTO rewrite.bodies AS b (cluster_id, hash, html, kept_until) VALUES ($1, $2, $3, $4)
        ON CONFLICT (cluster_id, hash) DO UPDATE SET kept_until = greatest(b.kept_until, excluded.kept_until)
        """;

    private const string Prune =
        """
        WITH gone AS (DELETE FROM rewrite.message_bodies WHERE kept_until < now())
        DELETE FROM rewrite.bodies WHERE kept_until < now()
        """;

    private static readonly TimeSpan _pruneEvery = TimeSpan.FromHours(1);

    private readonly Channel<KeptHtml> _line = Channel.CreateBounded<KeptHtml>(InLine);
    private readonly Dictionary<string, DateTimeOffset> _stored = [];
    private DateTimeOffset _prunedAt;

    /// <summary>Takes a message's HTML, unless the queue is full. Never waits, and never fails.</summary>
    /// <param name="plan">The message's plan, which has tracked links.</param>
    /// <param name="cluster">The message's cluster.</param>
    /// <param name="message">The message's key.</param>
    /// <param name="days">The number of days that the HTML is kept.</param>
    public void Offer(RewritePlan plan, ClusterId cluster, MessageKey message, int days)
    {
        try
        {
            if (KeptHtml.Of(plan, cluster, message, days) is { } html && !_line.Writer.TryWrite(html))
            {
                telemetry.HtmlLeftOut();
            }
        }
#pragma warning disable CA1031 // A picture must not delay mail: the failure is counted and logged.
        catch (Exception fault) when (fault is not OutOfMemoryException)
#pragma warning restore CA1031
        {
            telemetry.HtmlLeftOut();
            LogNotKept(cluster.ToString(), fault.Message);
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await foreach (var html in _line.Reader.ReadAllAsync(stoppingToken))
        {
            try
            {
                await StoreAsync(html, stoppingToken);
                await PruneAsync(stoppingToken);
            }
#pragma warning disable CA1031 // A picture must not end the process: the failure is counted and logged.
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
#pragma warning restore CA1031
            {
                telemetry.HtmlLeftOut();
                LogNotKept(html.Cluster.ToString(), exception.Message);
            }
        }
    }

    private async Task StoreAsync(KeptHtml html, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var until = now.AddDays(html.Days);
        var name = $"{html.Cluster.Value}/{html.Days}/{Convert.ToHexString(html.Hash)}";
        await using var batch = dataSource.CreateBatch();
        if (!_stored.TryGetValue(name, out var at) || now - at > TimeSpan.FromDays(1))
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand(InsertBody)
            {
                Parameters =
                {
                    new() { Value = html.Cluster.Value },
                    new() { Value = html.Hash },
                    new() { Value = Compress(html.Html.Span) },
                    // Kept until a day after the last message that needs it.
                    new() { Value = until.AddDays(1) },
                },
            });
        }

        batch.BatchCommands.Add(new NpgsqlBatchCommand(Insert)
        {
            Parameters =
            {
                new() { Value = html.Cluster.Value },
                new() { Value = html.Message.ToBytes() },
                new() { Value = html.Hash },
                new() { Value = until },
            },
        });
        await batch.ExecuteNonQueryAsync(cancellationToken);
        if (batch.BatchCommands.Count > 1)
        {
            if (_stored.Count >= Remembered)
            {
                _stored.Clear();
            }

            _stored[name] = now;
        }
    }

    private async Task PruneAsync(CancellationToken cancellationToken)
    {
        if (time.GetUtcNow() - _prunedAt < _pruneEvery)
        {
            return;
        }

        _prunedAt = time.GetUtcNow();
        await using var command = dataSource.CreateCommand(Prune);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static byte[] Compress(ReadOnlySpan<byte> html)
    {
        using var compressed = new MemoryStream();
        using (var brotli = new BrotliStream(compressed, CompressionLevel.Optimal, leaveOpen: true))
        {
            brotli.Write(html);
        }

        return compressed.ToArray();
    }

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "HTML of cluster {Cluster} is not kept for its click map: {Reason}")]
    private partial void LogNotKept(string cluster, string reason);
}
