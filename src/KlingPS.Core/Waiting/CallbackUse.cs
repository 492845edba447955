namespace KlingPS.Core.Waiting;

/// <summary>What callbacks mean to someone who waits for tasks.</summary>
public enum CallbackUse
{
    /// <summary>None are expected: tasks are looked at as planned.</summary>
    None,

    /// <summary>A callback tells of the end of a task. It is looked at without one only when it should have come.</summary>
    WithPolling,

    /// <summary>A callback tells of the end of a task. It is not looked at without one.</summary>
    WithoutPolling,
}
