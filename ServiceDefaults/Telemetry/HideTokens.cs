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
/// Takes the tokens of links out of what leaves this process as telemetry or log: a token stands for one recipient's
/// message, and collectors are often somebody else's. Whatever could be one goes: as many characters of a token's
/// alphabet in a row as a token has, written as they are or percent-encoded.
/// </summary>
internal static class HideTokens
{
    /// <summary>What stands in a token's place.</summary>
    public const string Placeholder = "{token}";

    private static readonly SearchValues<char> Alphabet = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    /// <summary>The text without tokens; the same instance when there is none.</summary>
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
            if (Alphabet.Contains(text[length]))
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
        && Alphabet.Contains((char)Convert.FromHexString(text.Slice(1, 2))[0]);

    // Of a link in the path style, the words before its token; they end in a hyphen and could be no token themselves.
    private static int KeptOf(ReadOnlySpan<char> run, int characters) =>
        characters == run.Length && run.Length - LinkToken.Length is > 0 and < LinkToken.Length and var words
        && run[words - 1] == '-'
            ? words
            : 0;

    /// <summary>Takes them out of spans, as they end: the paths of requests that came in, the addresses of those that
    /// were made.</summary>
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

    /// <summary>Takes them out of log records on their way to the collector.</summary>
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
                // The names are those that the exporter gives to an exception's own.
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

    /// <summary>Takes them out of what log records say of the request that they belong to. Looked at when a record is
    /// written, so a request that logs nothing costs nothing.</summary>
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

    // Null: there is nothing to hide. Addresses come as Uri, too.
    private static string? Hide(object? value) =>
        value is string or Uri or PathString && value.ToString() is { } text
        && In(text) is var hidden && !ReferenceEquals(hidden, text)
            ? hidden
            : null;
}
