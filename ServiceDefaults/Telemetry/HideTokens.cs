using System.Buffers;
using System.Diagnostics;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Logs;
using Tracking.Links;

namespace Tracking.ServiceDefaults.Telemetry;

/// <summary>
/// Removes the tokens of links from telemetry and logs that leave this process. A token identifies one recipient's
/// message, and collectors often belong to other organisations. Every possible token is removed: a run of as many
/// characters of the token alphabet as a token has, plain or percent-encoded.
/// </summary>
internal static class HideTokens
{
    /// <summary>The replacement of a token.</summary>
    public const string Placeholder = "{token}";

    private static readonly SearchValues<char> _alphabet = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    /// <summary>The text without tokens; the same instance for a text without tokens.</summary>
    public static string In(string text)
    {
        StringBuilder? hidden = null;
        var copied = 0;
        for (var at = 0; text.Length - at >= LinkToken.Length;)
        {
            var (length, characters) = RunAt(text.AsSpan(at));
            if (characters >= LinkToken.Length)
            {
                hidden ??= new StringBuilder(text.Length);
                var kept = KeptOf(text.AsSpan(at, length), characters);
                hidden.Append(text, copied, at + kept - copied).Append(Placeholder);
                copied = at + length;
            }

            at += length + 1;
        }

        return hidden?.Append(text, copied, text.Length - copied).ToString() ?? text;
    }

    private static (int Length, int Characters) RunAt(ReadOnlySpan<char> text)
    {
        var (length, characters) = (0, 0);
        while (length < text.Length)
        {
            if (_alphabet.Contains(text[length]))
            {
                length++;
            }
            else if (IsEncoded(text[length..]))
            {
                length += 3;
            }
            else
            {
                break;
            }

            characters++;
        }

        return (length, characters);
    }

    private static bool IsEncoded(ReadOnlySpan<char> text) =>
        text.Length >= 3 && text[0] == '%' && char.IsAsciiHexDigit(text[1]) && char.IsAsciiHexDigit(text[2])
        && _alphabet.Contains((char)Convert.FromHexString(text.Slice(1, 2))[0]);

    // Returns the length of the words before the token of a link in the path style. They end in a hyphen, so they
    // cannot be a token.
    private static int KeptOf(ReadOnlySpan<char> run, int characters) =>
        characters == run.Length && run.Length - LinkToken.Length is > 0 and < LinkToken.Length and var words
        && run[words - 1] == '-'
            ? words
            : 0;

    /// <summary>Removes tokens from spans when they end: from the paths of received requests and the addresses of sent
    /// ones.</summary>
    internal sealed class InSpans : BaseProcessor<Activity>
    {
        public override void OnEnd(Activity data)
        {
            data.DisplayName = In(data.DisplayName);
            foreach (var (name, value) in data.TagObjects.ToArray())
            {
                if (value is string text && In(text) is var hidden && !ReferenceEquals(hidden, text)
                    && IsAddress(name))
                {
                    data.SetTag(name, hidden);
                }
            }
        }

        private static bool IsAddress(string tag) =>
            tag.StartsWith("url.", StringComparison.Ordinal) || tag.StartsWith("http.", StringComparison.Ordinal);
    }

    /// <summary>Removes tokens from log records before they go to the collector.</summary>
    internal sealed class InLogs : BaseProcessor<LogRecord>
    {
        public override void OnEnd(LogRecord data)
        {
            data.FormattedMessage = data.FormattedMessage is { } message ? In(message) : null;
            data.Body = data.Body is { } body ? In(body) : null;
            if (data.Attributes is { } attributes && TryHide(attributes, out var hidden))
            {
                data.Attributes = hidden;
            }

            if (data.Exception is { } exception && Hide(exception.ToString()) is { } stack)
            {
                // The exporter uses these names for an exception's own attributes.
                data.Attributes =
                [
                    .. data.Attributes ?? [],
                    new("exception.type", exception.GetType().Name),
                    new("exception.message", In(exception.Message)),
                    new("exception.stacktrace", stack),
                ];
                data.Exception = null;
            }
        }
    }

    /// <summary>Removes tokens from a log record's description of its request. It works when a record is written, so a
    /// request without log records costs nothing.</summary>
    internal sealed class InScopes : IExternalScopeProvider
    {
        private readonly LoggerExternalScopeProvider _scopes = new();

        public void ForEachScope<TState>(Action<object?, TState> callback, TState state) => _scopes.ForEachScope(
            (scope, outer) => outer.callback(
                scope is IEnumerable<KeyValuePair<string, object?>> values && TryHide([.. values], out var hidden)
                    ? hidden
                    : Hide(scope) ?? scope,
                outer.state),
            (callback, state));

        public IDisposable Push(object? state) => _scopes.Push(state);
    }

    private static bool TryHide(
        IReadOnlyList<KeyValuePair<string, object?>> values, out List<KeyValuePair<string, object?>> hidden)
    {
        hidden = [.. values.Select(value => KeyValuePair.Create(value.Key, Hide(value.Value) ?? value.Value))];
        return !hidden.SequenceEqual(values);
    }

    // Null means that there is nothing to hide. Addresses may also be of type Uri.
    private static string? Hide(object? value) =>
        value is string or Uri or PathString && value.ToString() is { } text
        && In(text) is var hidden && !ReferenceEquals(hidden, text)
            ? hidden
            : null;
}
