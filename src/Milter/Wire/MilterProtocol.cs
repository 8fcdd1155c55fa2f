namespace Tracking.Milter.Wire;

/// <summary>What the MTA may be asked to do, as it offers it and as the milter wants it (SMFIF_…).</summary>
[Flags]
internal enum MilterActions : uint
{
    /// <summary>Replace the body.</summary>
    ChangeBody = 0x02,

    /// <summary>Change and delete header fields.</summary>
    ChangeHeaders = 0x10,

    /// <summary>Send the macros that the milter names.</summary>
    ChooseMacros = 0x100,
}

/// <summary>What the MTA need not send, and which answers it need not get (SMFIP_…).</summary>
[Flags]
internal enum MilterSteps : uint
{
    /// <summary>No connection.</summary>
    NoConnect = 0x01,

    /// <summary>No HELO.</summary>
    NoHelo = 0x02,

    /// <summary>No answer to a header field.</summary>
    SilentHeader = 0x80,

    /// <summary>No unknown commands.</summary>
    NoUnknown = 0x100,

    /// <summary>No DATA.</summary>
    NoData = 0x200,

    /// <summary>No answer to the connection.</summary>
    SilentConnect = 0x1000,

    /// <summary>No answer to HELO.</summary>
    SilentHelo = 0x2000,

    /// <summary>No answer to MAIL.</summary>
    SilentMail = 0x4000,

    /// <summary>No answer to RCPT.</summary>
    SilentRecipient = 0x8000,

    /// <summary>No answer to DATA.</summary>
    SilentData = 0x10000,

    /// <summary>No answer to an unknown command.</summary>
    SilentUnknown = 0x20000,

    /// <summary>No answer to a piece of the body.</summary>
    SilentBody = 0x80000,

    /// <summary>White space between a field's colon and its value stays.</summary>
    LeadingSpace = 0x100000,
}

/// <summary>
/// The protocol between MTA and milter, version 6, as libmilter of Sendmail 8.14 and later has it
/// (<c>include/libmilter/mfdef.h</c>): packets of a length (four bytes, the highest first), a command and its data.
/// </summary>
internal static class MilterProtocol
{
    /// <summary>The newest version.</summary>
    public const uint Version = 6;

    /// <summary>The largest piece of a body in one packet: 64 kB less one (MILTER_CHUNK_SIZE).</summary>
    public const int ChunkSize = 65_535;

    /// <summary>The largest packet that is read: 1 MiB, the most that libmilter can be set to (MILTER_MDS_1M), and the
    /// command.</summary>
    public const int MaxPacket = (1 << 20) + 1;

    /// <summary>What the milter needs.</summary>
    public const MilterActions Needed = MilterActions.ChangeBody | MilterActions.ChangeHeaders;

    /// <summary>What the milter does not want to see, and does not want to answer. The end of the header is answered:
    /// there a message that is none of our concern is accepted.</summary>
    public const MilterSteps Wanted = MilterSteps.NoConnect | MilterSteps.NoHelo | MilterSteps.NoUnknown
        | MilterSteps.NoData | MilterSteps.SilentHeader | MilterSteps.SilentMail | MilterSteps.SilentRecipient
        | MilterSteps.SilentBody | MilterSteps.LeadingSpace;

    /// <summary>The step whose answer a command's silence leaves out; none for the others.</summary>
    public static MilterSteps SilenceOf(char command) => command switch
    {
        'C' => MilterSteps.SilentConnect,
        'H' => MilterSteps.SilentHelo,
        'M' => MilterSteps.SilentMail,
        'R' => MilterSteps.SilentRecipient,
        'T' => MilterSteps.SilentData,
        'U' => MilterSteps.SilentUnknown,
        'L' => MilterSteps.SilentHeader,
        'B' => MilterSteps.SilentBody,
        _ => 0,
    };
}
