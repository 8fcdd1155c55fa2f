using System.Buffers.Binary;
using Npgsql;
using Tracking.Database.Entities;
using Tracking.EventIngest.Bots;
using Tracking.EventIngest.Statistics;
using Tracking.Links;

namespace Tracking.EventIngest.Review;

/// <summary>
/// The messages of a batch that were clicked, for <see cref="ReviewMessages"/>. The batch's transaction writes them as
/// one row of <c>ingest.reviews</c>. A message with a single click is reviewed only if the click alone shows neither a
/// person nor a machine.
/// </summary>
internal sealed class ClickedMessages
{
    private const int EntrySize = 4 + 9 + 1;

    private const string Insert = "INSERT INTO ingest.reviews (due_at, earliest, messages) VALUES ($1, $2, $3)";

    private readonly Dictionary<(int Cluster, MessageKey Message), bool> _messages = [];
    private long _earliest = long.MaxValue;

    /// <summary>Adds an event.</summary>
    public void Add(int cluster, in MessageKey message, LinkKind kind, long micros, Classification classification)
    {
        if (kind == LinkKind.Click)
        {
            _earliest = Math.Min(_earliest, micros);
            var isSuspect = classification.Score >= 0 && !classification.Verdict.IsMachine();
            if (!_messages.TryAdd((cluster, message), isSuspect) && isSuspect)
            {
                _messages[(cluster, message)] = true;
            }
        }
    }

    /// <summary>Has a message looked at however few of its clicks are counted: this one, taken in before, is
    /// not.</summary>
    public void Suspect(in CountedEvent uncounted)
    {
        if (_messages.ContainsKey((uncounted.Cluster, uncounted.Message)))
        {
            _messages[(uncounted.Cluster, uncounted.Message)] = true;
        }
    }

    /// <summary>The statement, if there are messages to review.</summary>
    /// <param name="dueAt">The time of the review.</param>
    public NpgsqlBatchCommand? ToCommand(DateTimeOffset dueAt)
    {
        if (_messages.Count == 0)
        {
            return null;
        }

        var packed = new byte[_messages.Count * EntrySize];
        var at = 0;
        foreach (var ((cluster, message), isSuspect) in _messages)
        {
            BinaryPrimitives.WriteInt32BigEndian(packed.AsSpan(at), cluster);
            message.Write(packed.AsSpan(at + 4));
            packed[at + EntrySize - 1] = isSuspect ? (byte)1 : (byte)0;
            at += EntrySize;
        }

        return new NpgsqlBatchCommand(Insert)
        {
            Parameters =
            {
                new NpgsqlParameter<DateTime> { TypedValue = dueAt.UtcDateTime },
                new NpgsqlParameter<DateTime>
                {
                    TypedValue = DateTime.UnixEpoch.AddTicks(_earliest * TimeSpan.TicksPerMicrosecond),
                },
                new NpgsqlParameter<byte[]> { TypedValue = packed },
            },
        };
    }

    /// <summary>Unpacks a row. A message in several rows is suspect if one of them says so.</summary>
    public static void Read(ReadOnlySpan<byte> packed, Dictionary<(int Cluster, MessageKey Message), bool> messages)
    {
        for (; packed.Length >= EntrySize; packed = packed[EntrySize..])
        {
            var key = (BinaryPrimitives.ReadInt32BigEndian(packed), MessageKey.Read(packed.Slice(4, 9)));
            messages[key] = messages.GetValueOrDefault(key) || packed[EntrySize - 1] != 0;
        }
    }
}
