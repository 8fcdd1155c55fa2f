using System.Text.Json.Nodes;
using Tracking.Api;
using Tracking.Links;
using Tracking.Management.Requests;

namespace Tracking.Management.Domains;

/// <summary>Reads the member <c>hostname</c> of a body.</summary>
internal static class ReadHostname
{
    /// <summary>A name that may be a tracking domain.</summary>
    /// <returns><see langword="null"/> if it may not; the errors say why.</returns>
    public static HostName? From(JsonObject json, OwnNames own, InputErrors errors)
    {
        if (Text(json, errors) is not { } text)
        {
            return null;
        }

        var name = own.Read(text);
        if (name.IsAccepted)
        {
            return name.Host;
        }

        errors.Add("hostname", Refusal(text, name));
        return null;
    }

    /// <summary>The text of the member, which need not be a name.</summary>
    public static string? Text(JsonObject json, InputErrors errors)
    {
        if (json["hostname"] is JsonValue value && value.TryGetValue<string>(out var text))
        {
            return text;
        }

        errors.Add("hostname", $"{ReadJson.Got(json["hostname"])}, takes a host name such as track.example.com.");
        return null;
    }

    /// <summary>Why a name is refused.</summary>
    public static string Refusal(string text, TrackingDomainName name) =>
        // The text is not repeated, because a pasted URL may contain a password.
        name.Refusal == NameRefusal.NotAlone
            ? $"what was given {name.Why}"
            : $"{Problems.Quote(text.Trim())} {name.Why}";
}
