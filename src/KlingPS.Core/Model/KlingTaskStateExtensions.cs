namespace KlingPS.Core.Model;

/// <summary>Questions about states.</summary>
public static class KlingTaskStateExtensions
{
    /// <summary>Whether the service has the task and has not ended it.</summary>
    public static bool IsPending(this KlingTaskState state)
        => state is KlingTaskState.Waiting or KlingTaskState.Queuing or KlingTaskState.Generating;

    /// <summary>Whether nothing will change any more.</summary>
    public static bool IsSettled(this KlingTaskState state)
        => state is KlingTaskState.Succeeded or KlingTaskState.Failed or KlingTaskState.Rejected or KlingTaskState.Abandoned;
}
