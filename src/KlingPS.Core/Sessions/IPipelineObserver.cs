using KlingPS.Core.Api;
using KlingPS.Core.Reporting;

namespace KlingPS.Core.Sessions;

/// <summary>How far an upload or a download has come.</summary>
/// <param name="Id">Which transfer it is: two files may have the same name.</param>
/// <param name="Name">The name of the file.</param>
/// <param name="IsUpload">Whether it goes to the service.</param>
/// <param name="Bytes">Bytes moved so far.</param>
/// <param name="Total">Bytes in all, if that is known.</param>
/// <param name="IsOver">Whether it has ended, complete or not.</param>
internal sealed record Transfer(long Id, string Name, bool IsUpload, long Bytes, long? Total, bool IsOver);

/// <summary>Notified of what the pipeline does. Called on any thread; must not block.</summary>
internal interface IPipelineObserver : IRequestObserver
{
    /// <summary>Something the user should know that is not an error.</summary>
    void OnWarning(string message);

    /// <summary>Something that explains what is going on, for a user who wants to know.</summary>
    void OnNotice(string message);

    /// <summary>Whether <see cref="OnEvent"/> is wanted. Does not change.</summary>
    bool WantsEvents => false;

    /// <summary>Something has happened that belongs in a log of the run.</summary>
    void OnEvent(RunEvent happened)
    {
    }

    /// <summary>Bytes have moved.</summary>
    void OnTransfer(Transfer transfer);
}
