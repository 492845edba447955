namespace KlingPS.Tests.Help;

public enum GadgetKind
{
    Round,
    Square,
}
