using KlingPS.Core.Api;

namespace KlingPS.Core.Sessions;

/// <summary>Is told what the pipeline does. Called on any thread; must not block.</summary>
public interface IPipelineObserver : IRequestObserver
{
    /// <summary>Something the user should know that is no error.</summary>
    void OnWarning(string message);

    /// <summary>Bytes have moved.</summary>
    void OnTransfer(Transfer transfer);
}
