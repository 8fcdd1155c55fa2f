using System.Buffers.Binary;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json.Serialization;
using Tracking.Links;
using Tracking.Management.Events;

namespace Tracking.Management.Requests;

/// <summary>One page of a list.</summary>
/// <typeparam name="T">The type of the items.</typeparam>
/// <param name="Items">The items.</param>
/// <param name="Next">The value of <c>after</c> for the next page; null after the last page. It is opaque.</param>
internal sealed record Page<T>(IReadOnlyList<T> Items, string? Next)
{
    /// <summary>True if the search ended before the end of the list and before the page was full. Then next continues
    /// the search. Otherwise left out.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Partial { get; init; }
}

/// <summary>Reads a cursor of a list that is sorted by id.</summary>
internal delegate bool ReadIdCursor(string text, out Guid id);

/// <summary>
/// Opaque cursors. A cursor holds the sort key of the last item, so the position of a page does not change when items
/// are inserted before it. The first byte names the list, so a list refuses the cursors of other lists.
/// </summary>
internal static class Cursor
{
    private const byte Events = 1;
    private const byte Messages = 2;
    private const byte Names = 3;
    private const byte Hostnames = 4;
    private const byte Checks = 5;
    private const byte Audit = 6;
    private const byte Attempts = 7;
    private const byte Deliveries = 8;
    private const byte Repairs = 9;
    private const byte Stored = 10;
    private const byte Withdrawals = 11;

    public const string Wrong = "is not a cursor of this list; takes the value of next from the page before.";

    public static string OfEvent(Guid id) => OfId(Events, id);

    public static bool TryReadEvent(string text, out Guid id) => TryReadId(text, Events, out id);

    public static string OfCheck(Guid id) => OfId(Checks, id);

    public static bool TryReadCheck(string text, out Guid id) => TryReadId(text, Checks, out id);

    public static string OfAuditEntry(Guid id) => OfId(Audit, id);

    public static bool TryReadAuditEntry(string text, out Guid id) => TryReadId(text, Audit, out id);

    public static string OfAttempt(Guid id) => OfId(Attempts, id);

    public static bool TryReadAttempt(string text, out Guid id) => TryReadId(text, Attempts, out id);

    public static string OfDelivery(Guid id) => OfId(Deliveries, id);

    public static bool TryReadDelivery(string text, out Guid id) => TryReadId(text, Deliveries, out id);

    public static string OfRepair(Guid id) => OfId(Repairs, id);

    public static bool TryReadRepair(string text, out Guid id) => TryReadId(text, Repairs, out id);

    public static string OfWithdrawal(Guid id) => OfId(Withdrawals, id);

    public static bool TryReadWithdrawal(string text, out Guid id) => TryReadId(text, Withdrawals, out id);

    public static string OfMessage(long registeredMicros, MessageKey key)
    {
        Span<byte> bytes = stackalloc byte[9 + MessageKey.Size];
        bytes[0] = Messages;
        BinaryPrimitives.WriteInt64BigEndian(bytes[1..], registeredMicros);
        key.Write(bytes[9..]);
        return Base64Url.EncodeToString(bytes);
    }

    public static bool TryReadMessage(string text, out long registeredMicros, out MessageKey key)
    {
        var found = TryDecode(text, Messages, out var bytes) && bytes.Length == 8 + MessageKey.Size;
        registeredMicros = found ? BinaryPrimitives.ReadInt64BigEndian(bytes) : 0;
        key = found ? MessageKey.Read(bytes.AsSpan(8)) : default;
        return found && registeredMicros is >= 0 and < 253_402_300_800_000_000;
    }

    public static string OfStored(StoredPlace place)
    {
        Span<byte> bytes = stackalloc byte[29];
        bytes[0] = Stored;
        BinaryPrimitives.WriteInt64BigEndian(bytes[1..], place.Position);
        place.Row.TryWriteBytes(bytes[9..], bigEndian: true, out _);
        BinaryPrimitives.WriteInt32BigEndian(bytes[25..], place.Read);
        return Base64Url.EncodeToString(bytes);
    }

    public static bool TryReadStored(string text, out StoredPlace place)
    {
        var found = TryDecode(text, Stored, out var bytes) && bytes.Length == 28;
        place = found
            ? new StoredPlace(
                BinaryPrimitives.ReadInt64BigEndian(bytes),
                new Guid(bytes.AsSpan(8, 16), bigEndian: true),
                BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(24)))
            : default;
        return found && place is { Position: >= 0, Read: >= 0 and < int.MaxValue };
    }

    public static string OfName(string name) => OfText(Names, name);

    public static bool TryReadName(string text, out string name) => TryReadText(text, Names, out name);

    public static string OfHostname(string hostname) => OfText(Hostnames, hostname);

    public static bool TryReadHostname(string text, out string hostname) => TryReadText(text, Hostnames, out hostname);

    private static string OfId(byte list, Guid id)
    {
        Span<byte> bytes = stackalloc byte[17];
        bytes[0] = list;
        id.TryWriteBytes(bytes[1..], bigEndian: true, out _);
        return Base64Url.EncodeToString(bytes);
    }

    private static bool TryReadId(string text, byte list, out Guid id)
    {
        var found = TryDecode(text, list, out var bytes) && bytes.Length == 16;
        id = found ? new Guid(bytes!, bigEndian: true) : default;
        return found;
    }

    private static string OfText(byte list, string text) =>
        Base64Url.EncodeToString([list, .. Encoding.UTF8.GetBytes(text)]);

    private static bool TryReadText(string cursor, byte list, out string text)
    {
        var found = TryDecode(cursor, list, out var bytes);
        text = found ? Encoding.UTF8.GetString(bytes!) : "";
        return found && !text.Contains('\0', StringComparison.Ordinal);
    }

    private static bool TryDecode(string text, byte list, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = null;
        if (text.Length > 1000 || !Base64Url.IsValid(text))
        {
            return false;
        }

        var all = Base64Url.DecodeFromChars(text);
        if (all.Length == 0 || all[0] != list)
        {
            return false;
        }

        bytes = all[1..];
        return true;
    }
}
