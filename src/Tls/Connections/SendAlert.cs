using Microsoft.AspNetCore.Connections;

namespace Tracking.Tls.Connections;

/// <summary>Fatal alerts of TLS (RFC 8446 6.2) that end a connection before its handshake begins.</summary>
internal enum AlertDescription : byte
{
    /// <summary>A field is out of range.</summary>
    IllegalParameter = 47,

    /// <summary>The message cannot be read.</summary>
    DecodeError = 50,

    /// <summary>The fault is ours.</summary>
    InternalError = 80,

    /// <summary>No certificate for this name (RFC 6066 3).</summary>
    UnrecognizedName = 112,

    /// <summary>None of the protocols offered (RFC 7301 3.2).</summary>
    NoApplicationProtocol = 120,
}

/// <summary>Tells a client why it is not served. Before the handshake alerts are plain records, which are the same in
/// every version of TLS. <c>SslStream</c> would close the connection without an alert.</summary>
internal static class SendAlert
{
    /// <summary>Sends the alert and ends the connection.</summary>
    public static async Task RefuseAsync(ConnectionContext connection, AlertDescription alert)
    {
        // Record: alert, TLS 1.2 as all records say, two bytes; fatal.
        await connection.Transport.Output.WriteAsync((byte[])[21, 3, 3, 0, 2, 2, (byte)alert]);
        await connection.Transport.Output.CompleteAsync();

        // The received bytes are marked as read, because closing a socket with unread bytes resets the connection, and
        // the alert would be lost.
        var input = connection.Transport.Input;
        if (input.TryRead(out var read))
        {
            input.AdvanceTo(read.Buffer.End);
        }
    }
}
