using System.Runtime.InteropServices;
using System.Text;
using Tracking.Links;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Messages;

/// <summary>The kinds of fields in a message's header.</summary>
internal enum HeaderFieldKind : byte
{
    /// <summary>A field without a meaning here, or a field that <see cref="EntityHeader"/> reads.</summary>
    Other,

    /// <summary>A control header.</summary>
    Control,

    /// <summary>A header that controls tracking in another system.</summary>
    OtherSystem,

    /// <summary><c>From</c>.</summary>
    From,

    /// <summary><c>DKIM-Signature</c>.</summary>
    DkimSignature,

    /// <summary><c>ARC-Seal</c> or <c>ARC-Message-Signature</c>.</summary>
    ArcSignature,

    /// <summary><c>List-Unsubscribe</c>.</summary>
    Unsubscribe,
}

/// <summary>
/// A message's own header, read once, up to <see cref="RewriteLimits.MaxHeaderFields"/>. It keeps the places of the
/// fields that the rewriter reads. The cluster, the tracking settings, the signatures and the removed fields all come
/// from this one list, so every field that is obeyed is also removed.
/// </summary>
public sealed class MessageHeader
{
    // A From with 100 authors takes 8 kB.
    private const int MaxValueBytes = 16 * 1024;

    private readonly List<MessageField> _fields = [];
    private readonly List<ContentSum> _sums = [];
    private EntityHeader _entity;

    private MessageHeader(ReadOnlyMemory<byte> message, RewriteLimits limits)
    {
        Message = message;
        Limits = limits;
    }

    /// <summary>The whole message.</summary>
    public ReadOnlyMemory<byte> Message { get; }

    /// <summary>The limits of the message.</summary>
    public RewriteLimits Limits { get; }

    /// <summary>The header's start.</summary>
    public int Start => _entity.Start;

    /// <summary>The domain of the single author in <c>From</c> (RFC 5322 3.6.2), as A-labels in lower case.
    /// <see langword="null"/> without an author, or when <c>From</c> occurs twice: mail programs differ in which one
    /// they show.</summary>
    public string? FromDomain =>
        Only(HeaderFieldKind.From) is { } from
        && AuthorDomain.Of(Text(from)) is { } domain
        && HostName.TryParse(domain, out var name)
            ? name.Value
            : null;

    /// <summary>The value of <c>X-Tracking-Cluster</c>; <see langword="null"/> when the field is absent or occurs
    /// twice.</summary>
    public string? Cluster => Only(HeaderFieldKind.Control, "X-Tracking-Cluster"u8) is { } named
        ? Text(named).Trim()
        : null;

    /// <summary>Whether a DKIM or ARC signature covers the body.</summary>
    public bool BodyIsSigned
    {
        get
        {
            foreach (ref readonly var seen in Fields)
            {
                if (seen.Kind == HeaderFieldKind.ArcSignature
                    || (seen.Kind == HeaderFieldKind.DkimSignature && DkimSignature.CoversBody(Value(seen.Range))))
                {
                    return true;
                }
            }

            return false;
        }
    }

    /// <summary>The fields that the rewriter reads, in their order.</summary>
    internal ReadOnlySpan<MessageField> Fields => CollectionsMarshal.AsSpan(_fields);

    /// <summary>Reads the header of a message.</summary>
    /// <param name="message">The raw message (RFC 5322), which must not change while the header is in use.</param>
    /// <param name="limits">The limits; <see langword="null"/> for the defaults.</param>
    public static MessageHeader Read(ReadOnlyMemory<byte> message, RewriteLimits? limits = null)
    {
        var header = new MessageHeader(message, limits ?? RewriteLimits.Default);
        header.Read(message.Span);
        return header;
    }

    /// <summary>Lists the message's parts.</summary>
    /// <param name="parts">Receives the parts that hold no other parts.</param>
    /// <param name="sums">Receives the header fields that describe the content of text parts or of the whole
    /// message.</param>
    /// <returns>Why the message as a whole cannot be read, or <see langword="null"/>.</returns>
    internal Untouched? ReadParts(List<MimePart> parts, List<ContentSum> sums)
    {
        sums.AddRange(_sums);
        return MimeWalker.Walk(Message.Span, _entity, Limits, parts, sums);
    }

    /// <summary>The name of a field.</summary>
    internal ReadOnlySpan<byte> Name(in HeaderField field) => Message.Span[field.Start..field.NameEnd];

    /// <summary>The raw value of a field.</summary>
    internal ReadOnlySpan<byte> Value(in HeaderField field) => Message.Span[field.ValueStart..field.ValueEnd];

    /// <summary>The value of a field, unfolded (RFC 5322 2.2.3): the line breaks are removed, the white space
    /// stays.</summary>
    internal string Text(in HeaderField field) => Encoding.UTF8.GetString(Value(field)).ReplaceLineEndings("");

    private void Read(ReadOnlySpan<byte> message)
    {
        _entity = EntityHeader.At(MessageStart.Of(message));
        var header = new HeaderReader(message, _entity.Start);
        while (_entity.Size.Fields <= Limits.MaxHeaderFields)
        {
            var step = header.Read();
            if (step != HeaderStep.Field)
            {
                _entity.End(header, step);
                return;
            }

            _entity.Size.Add(header.Field);
            if (_entity.Size.Fields <= Limits.MaxHeaderFields
                && !_entity.See(message, header, _sums)
                && KindOf(header.Name) is not HeaderFieldKind.Other and var kind)
            {
                _fields.Add(new MessageField(kind, header.Field));
            }
        }
    }

    private static HeaderFieldKind KindOf(ReadOnlySpan<byte> name) => name.Length switch
    {
        _ when ControlHeaders.IsControl(name) => HeaderFieldKind.Control,
        4 when Is(name, "From"u8) => HeaderFieldKind.From,
        8 when Is(name, "ARC-Seal"u8) => HeaderFieldKind.ArcSignature,
        14 when Is(name, "DKIM-Signature"u8) => HeaderFieldKind.DkimSignature,
        16 when Is(name, "List-Unsubscribe"u8) => HeaderFieldKind.Unsubscribe,
        21 when Is(name, "ARC-Message-Signature"u8) => HeaderFieldKind.ArcSignature,
        _ when ControlHeaders.IsOfOtherSystem(name) => HeaderFieldKind.OtherSystem,
        _ => HeaderFieldKind.Other,
    };

    // Returns the field of a kind and name if it occurs exactly once.
    private HeaderField? Only(HeaderFieldKind kind, ReadOnlySpan<byte> name = default)
    {
        HeaderField? only = null;
        foreach (ref readonly var field in Fields)
        {
            if (field.Kind == kind
                && (name.IsEmpty || Is(Name(field.Range), name))
                && field.Range.ValueEnd - field.Range.ValueStart <= MaxValueBytes)
            {
                if (only is not null)
                {
                    return null;
                }

                only = field.Range;
            }
        }

        return only;
    }

    private static bool Is(ReadOnlySpan<byte> name, ReadOnlySpan<byte> expected) =>
        Ascii.EqualsIgnoreCase(name, expected);
}

/// <summary>A header field that the rewriter reads.</summary>
internal readonly record struct MessageField(HeaderFieldKind Kind, HeaderField Range);
