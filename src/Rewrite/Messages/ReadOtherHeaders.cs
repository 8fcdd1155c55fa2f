using System.Text;
using System.Text.Json;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Messages;

/// <summary>
/// Reads the headers by which a sender controls tracking in another system, so that a sender who comes from there need
/// not change mail. They may only restrict what the sender's settings track. Of several headers each restricts, so an
/// opt-out wins. The table in <c>docs/rewriting.md</c> names the values.
/// </summary>
internal static class ReadOtherHeaders
{
    // Nobody nests deeper: SendGrid's settings are four levels down.
    private static readonly JsonDocumentOptions _json = new() { MaxDepth = 64 };

    /// <summary>Adds what a field says.</summary>
    /// <param name="others">What earlier fields say.</param>
    /// <param name="header">The message's header.</param>
    /// <param name="field">A field for which <see cref="ControlHeaders.IsOfOtherSystem"/> holds.</param>
    public static MessageMetadata Add(MessageMetadata others, MessageHeader header, in HeaderField field)
    {
        var name = Encoding.ASCII.GetString(header.Name(field));
        if (header.Value(field).Length > header.Limits.MaxOtherHeaderBytes)
        {
            return others.Ignoring(name, HeaderIgnored.TooLong);
        }

        var value = Text(header, field);
        switch (name.ToUpperInvariant())
        {
            case "X-MSYS-API":
                return AddJson(others, name, value, FromSparkPost);
            case "X-SMTPAPI":
                return AddJson(others, name, value, FromSendGrid);
            case "X-MC-TRACK":
                return Restrict(others, name, FromMandrill(value));
            case "X-MAILGUN-TRACK":
                return Restrict(others, name, YesNo(value) is { } all ? new Restriction(Both(all), all) : null);
            case "X-MAILGUN-TRACK-OPENS":
                return Restrict(
                    others, name, YesNo(value) is { } opens ? new Restriction(ClickTracking.Both, opens) : null);
            case "X-MAILGUN-TRACK-CLICKS":
                return Restrict(
                    others,
                    name,
                    value.Equals("htmlonly", StringComparison.OrdinalIgnoreCase)
                        ? new Restriction(ClickTracking.Html, true)
                        : YesNo(value) is { } clicks ? new Restriction(Both(clicks), true) : null);
            default:
                // X-SES-MESSAGE-TAGS: name=value pairs. They say nothing about tracking, but what mail it is.
                return MessageMetadata.ParseTags(value) is { } tags
                    ? others with { Tags = tags }
                    : others.Ignoring(name, HeaderIgnored.UnknownValue);
        }
    }

    private static MessageMetadata Restrict(MessageMetadata others, string name, Restriction? choice) => choice is null
        ? others.Ignoring(name, HeaderIgnored.UnknownValue)
        : others with
        {
            ClicksAllowed = others.ClicksAllowed & choice.Clicks,
            OpensAllowed = others.OpensAllowed && choice.Opens,
        };

    private static MessageMetadata AddJson(
        MessageMetadata others, string name, string value, Func<JsonElement, Restriction?> read)
    {
        try
        {
            using var document = JsonDocument.Parse(value, _json);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? Restrict(others, name, read(document.RootElement))
                : others.Ignoring(name, HeaderIgnored.UnknownValue);
        }
        catch (JsonException)
        {
            return others.Ignoring(name, HeaderIgnored.NotJson);
        }
    }

    // {"options": {"open_tracking": false, "click_tracking": false}}
    private static Restriction? FromSparkPost(JsonElement root) =>
        Member(root, "options", out var options)
        && Flag(options, "click_tracking", out var clicks)
        && Flag(options, "open_tracking", out var opens)
            ? new Restriction(Both(clicks), opens)
            : null;

    // {"filters": {"clicktrack": {"settings": {"enable": 1, "enable_text": false}}, "opentrack": …}}
    private static Restriction? FromSendGrid(JsonElement root) =>
        Member(root, "filters", out var filters)
        && Settings(filters, "clicktrack", out var clicktrack)
        && Settings(filters, "opentrack", out var opentrack)
        && Flag(clicktrack, "enable", out var clicks)
        && Flag(clicktrack, "enable_text", out var text)
        && Flag(opentrack, "enable", out var opens)
            ? new Restriction(!clicks ? ClickTracking.None : text ? ClickTracking.Both : ClickTracking.Html, opens)
            : null;

    // A list of all that is tracked. What it does not name is not tracked.
    private static Restriction? FromMandrill(string value)
    {
        var choice = new Restriction(ClickTracking.None, false);
        var words = value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        foreach (var word in words)
        {
            switch (word.ToLowerInvariant())
            {
                case "none":
                    return new Restriction(ClickTracking.None, false);
                case "opens":
                    choice = choice with { Opens = true };
                    break;
                case "clicks" or "clicks_all":
                    choice = choice with { Clicks = ClickTracking.Both };
                    break;
                case "clicks_htmlonly":
                    choice = choice with { Clicks = choice.Clicks | ClickTracking.Html };
                    break;
                case "clicks_textonly":
                    choice = choice with { Clicks = choice.Clicks | ClickTracking.Text };
                    break;
                default:
                    return null;
            }
        }

        return words.Length > 0 ? choice : null;
    }

    // An object that is absent, or null, restricts nothing. Returns false if something else is in its place.
    private static bool Member(JsonElement parent, string name, out JsonElement member)
    {
        member = default;
        return parent.ValueKind != JsonValueKind.Object
            || !parent.TryGetProperty(name, out member)
            || member.ValueKind is JsonValueKind.Object or JsonValueKind.Null;
    }

    private static bool Settings(JsonElement filters, string name, out JsonElement settings)
    {
        settings = default;
        return Member(filters, name, out var filter) && Member(filter, "settings", out settings);
    }

    // Libraries of all languages write these: true, 1, "1", "true". Returns false for a value without a meaning.
    private static bool Flag(JsonElement parent, string name, out bool isOn)
    {
        isOn = true;
        if (parent.ValueKind != JsonValueKind.Object || !parent.TryGetProperty(name, out var value))
        {
            return true;
        }

        var word = value.ValueKind == JsonValueKind.String ? value.GetString()!.Trim() : value.GetRawText();
        switch (word.ToLowerInvariant())
        {
            case "true" or "1" or "yes" or "null":
                return true;
            case "false" or "0" or "no":
                isOn = false;
                return true;
            default:
                return false;
        }
    }

    private static bool? YesNo(string value) => value.ToLowerInvariant() switch
    {
        "yes" or "true" => true,
        "no" or "false" => false,
        _ => null,
    };

    private static ClickTracking Both(bool tracks) => tracks ? ClickTracking.Both : ClickTracking.None;

    // Mailers fold long fields anywhere and encode what is long or not ASCII. JSON allows no tab inside a string.
    private static string Text(MessageHeader header, in HeaderField field)
    {
        if (header.Value(field).IndexOf("=?"u8) < 0)
        {
            return header.Text(field).Replace('\t', ' ').Trim();
        }

        using var decoded = new ByteBuffer();
        EncodedWords.Decode(header.Value(field), decoded);
        return Encoding.UTF8.GetString(decoded.Span).ReplaceLineEndings("").Replace('\t', ' ').Trim();
    }

    /// <summary>What a header leaves of what the sender's settings track.</summary>
    private sealed record Restriction(ClickTracking Clicks, bool Opens);
}
