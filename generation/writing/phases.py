"""The built-in phases and their section plans: what a document of each holds, and what the model is told to write.

Data and two functions; nothing here knows projects, prompts or storage.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from artifacts.planned_section import PlannedSection

PHASE_KEY = re.compile(r"[a-z][a-z0-9-]{0,39}")


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A kind of document: `purpose` is one sentence for people, `instructions` hold for all of its sections."""

    key: str
    title: str
    purpose: str
    instructions: str
    plan: tuple[PlannedSection, ...]


BRIEF = Phase(
    key="brief",
    title="Project brief",
    purpose="One or two pages that say what the project is, for whom, and why it is worth doing.",
    instructions=(
        "This is a project brief for people who decide whether to go on: short, plain and concrete. Prefer facts "
        "from the description to general remarks. Where something that matters is not known, say so and name the "
        "assumption you make instead of inventing figures, names or dates."
    ),
    plan=(
        PlannedSection(
            name="Summary",
            instructions=(
                "Say in one paragraph what the project is, whom it serves and what will be different once it exists. "
                "Then give the three most important points as a short list. No history, no technology."
            ),
            max_tokens=800,
        ),
        PlannedSection(
            name="Problem and people",
            instructions=(
                "Describe the problem as the people who have it would: who they are, when it hits them, what they do "
                "today and what that costs them. Name each group in bold and give it two or three sentences. Do not "
                "propose the solution here."
            ),
            max_tokens=1_500,
        ),
        PlannedSection(
            name="Goals and non-goals",
            instructions=(
                "List three to five goals as outcomes that somebody could check, each with how one would notice that "
                "it is reached. Then list what the project deliberately leaves out, with the reason in half a "
                "sentence."
            ),
            max_tokens=1_300,
        ),
        PlannedSection(
            name="Approach",
            instructions=(
                "Explain the idea of the solution in the order in which a user would meet it, then the main choice "
                "behind it and the alternative it was preferred to. Stay above technical detail."
            ),
            max_tokens=1_500,
        ),
        PlannedSection(
            name="Risks and open questions",
            instructions=(
                "Give a table with the columns Risk, Why it matters and What we do about it, four to six rows, the "
                "most serious first. After it list the questions that must be answered before work begins, each with "
                "who could answer it."
            ),
            max_tokens=1_300,
        ),
    ),
)

PRD = Phase(
    key="prd",
    title="Product requirements",
    purpose="What the product must do, for whom, and how everybody will know that it does.",
    instructions=(
        "This is a product-requirements document for the people who design, build and test the product. Requirements "
        "say what must be true, not how it is built; each can be tested and stands in one sentence with one `must` "
        "or `should`. Use the same word for the same thing everywhere. Mark assumptions as such."
    ),
    plan=(
        PlannedSection(
            name="Purpose and scope",
            instructions=(
                "State the purpose of the product in two or three sentences, what this version covers and what it "
                "does not, and what it depends on. End with a list of the terms that a reader could misunderstand, "
                "each with its meaning here."
            ),
            max_tokens=1_300,
        ),
        PlannedSection(
            name="Users and their needs",
            instructions=(
                "Describe each kind of user in a subsection of its own: the situation, the job to be done, what "
                "success looks like, and what gets in the way today. Order them by importance to this version."
            ),
            max_tokens=1_800,
        ),
        PlannedSection(
            name="Functional requirements",
            instructions=(
                "Group the requirements by capability, one subsection each. Number them FR-1, FR-2 and so on through "
                "the whole section, each as a list item of one sentence followed by its priority (must, should, "
                "could). Cover the ordinary path, what happens on bad input, and what happens when something is not "
                "available."
            ),
            max_tokens=3_200,
        ),
        PlannedSection(
            name="Quality requirements",
            instructions=(
                "Give measurable requirements for speed, reliability, security and privacy, accessibility, and "
                "operation, numbered QR-1, QR-2 and so on. Each names the figure, the conditions it holds under and "
                "how it is measured."
            ),
            max_tokens=1_800,
        ),
        PlannedSection(
            name="Success measures",
            instructions=(
                "Give a table with the columns Measure, Today, Target and How it is measured. Three to six rows, at "
                "least one that would show that the product does harm. Where today's value is unknown, write "
                "`unknown` and say how to find it."
            ),
        ),
        PlannedSection(
            name="Release plan and open questions",
            instructions=(
                "Propose the smallest first release that somebody could use, then the one or two after it, each with "
                "what it contains and what is learned from it. Then list the open questions, the decision each one "
                "blocks and the date or event by which it is needed."
            ),
            max_tokens=1_500,
        ),
    ),
)

SPECS = Phase(
    key="specs",
    title="Technical specification",
    purpose="How the product will be built, precise enough that two engineers would build the same thing.",
    instructions=(
        "This is a technical specification for the engineers who build and review the system. Be precise: name "
        "components, data, interfaces, limits and failures. Give the reason with each choice that could have gone "
        "another way. Use fenced code blocks with a language for interfaces and data, and tables where things are "
        "compared."
    ),
    plan=(
        PlannedSection(
            name="Overview and context",
            instructions=(
                "Describe the system in a few paragraphs: what it does, what surrounds it, what it relies on and "
                "what relies on it. Then list the constraints that were given and the assumptions that were made."
            ),
            max_tokens=1_500,
        ),
        PlannedSection(
            name="Architecture",
            instructions=(
                "Name the components, one subsection each, with what each one owns and what it must not do. Then "
                "follow one typical request through them, step by step, and say where state lives. End with the "
                "alternatives that were rejected and why."
            ),
            max_tokens=2_800,
        ),
        PlannedSection(
            name="Data model",
            instructions=(
                "Give each entity with its fields, types, constraints and the reason for each index, as a table or "
                "as a code block. Say what identifies a record, what may change after it was written, what is kept "
                "how long, and how two writers at the same moment are kept apart."
            ),
            max_tokens=2_400,
        ),
        PlannedSection(
            name="Interfaces",
            instructions=(
                "Specify each interface with its request, its response, its errors and one complete example in a "
                "code block. Say who may call it, what is checked, what is idempotent and how it may change without "
                "breaking its callers."
            ),
            max_tokens=2_900,
        ),
        PlannedSection(
            name="Failure, security and operation",
            instructions=(
                "List what can fail, how it is noticed, what the user sees and how the system recovers. Then the "
                "threats and what stands against each. Then what is logged and measured, what raises an alarm, and "
                "how the system is deployed and rolled back."
            ),
            max_tokens=2_400,
        ),
        PlannedSection(
            name="Test plan",
            instructions=(
                "Say what is tested at which level and with which data, name the ten tests that matter most as "
                "claims that can be false, and give the conditions under which the work counts as done."
            ),
            max_tokens=1_600,
        ),
    ),
)

STORIES = Phase(
    key="stories",
    title="User stories",
    purpose="The work as stories that each bring a user something and can be finished in a few days.",
    instructions=(
        "These are user stories for the team that plans and builds. Each story has a number (S-1, S-2 and so on "
        "through the whole document) and a short title as a heading, one sentence of the form `As a ..., I want ..., "
        "so that ...`, and acceptance criteria as a list in the form `Given ..., when ..., then ...`. A story brings "
        "one user one thing and does not prescribe the design."
    ),
    plan=(
        PlannedSection(
            name="Story map",
            instructions=(
                "Describe who uses the product and the steps they take from beginning to end. Then give a table with "
                "one row per step: the step, what the user wants from it, and which stories belong to the first "
                "release. Do not write the stories themselves yet."
            ),
            max_tokens=1_300,
        ),
        PlannedSection(
            name="First use",
            instructions=(
                "Write the stories that bring a new user from nothing to the first useful result, in the order in "
                "which they happen. Four to six stories with their acceptance criteria."
            ),
            max_tokens=2_900,
        ),
        PlannedSection(
            name="Everyday use",
            instructions=(
                "Write the stories of the work that is done again and again, the most frequent first. Five to eight "
                "stories with their acceptance criteria. Go on with the numbers of the section before."
            ),
            max_tokens=3_600,
        ),
        PlannedSection(
            name="When things go wrong",
            instructions=(
                "Write the stories for mistakes, missing permissions, lost connections, conflicts between two people "
                "and undoing what was done. Four to six stories with their acceptance criteria. Go on with the "
                "numbers."
            ),
            max_tokens=2_900,
        ),
        PlannedSection(
            name="Order and dependencies",
            instructions=(
                "Give a table of all stories in the order in which they should be built: number, title, size (S, M "
                "or L), what each depends on and why it comes at this place. After it say in a short paragraph what "
                "may be left out if time runs short."
            ),
            max_tokens=1_600,
        ),
    ),
)

ARTIFACTS = Phase(
    key="artifacts",
    title="Working artifacts",
    purpose="The drafts a team needs on its first day: glossary, interface texts, examples, checklists.",
    instructions=(
        "These are working drafts to be copied, changed and used, not a text about them. Give finished material: "
        "real wording, real examples, complete blocks. Keep explanations to one sentence where they are needed at "
        "all."
    ),
    plan=(
        PlannedSection(
            name="Glossary",
            instructions=(
                "Give a table with the columns Term, Meaning and Not to be confused with: ten to twenty terms of "
                "this project in alphabetical order, each meaning in one sentence."
            ),
            max_tokens=1_600,
        ),
        PlannedSection(
            name="Interface texts",
            instructions=(
                "Write the wording that users will read: the empty state, the main actions, confirmations, the five "
                "most likely error messages (what happened, what to do now) and the first message a new user gets. "
                "Group them by screen or situation."
            ),
            max_tokens=2_100,
        ),
        PlannedSection(
            name="Example data",
            instructions=(
                "Give example records for demonstrations and tests in fenced code blocks: ordinary ones, one at each "
                "limit, and three that must be refused, each with the reason. Invent nothing that looks like a real "
                "person's data."
            ),
            max_tokens=2_100,
        ),
        PlannedSection(
            name="Checklists",
            instructions=(
                "Write three checklists as task lists (`- [ ]`): before the work begins, before a release, and when "
                "something goes wrong in operation. Each item is something one can do and see done; eight to twelve "
                "items each."
            ),
            max_tokens=2_000,
        ),
        PlannedSection(
            name="Decision records",
            instructions=(
                "Write the three decisions that shape this project most, one subsection each: the situation, the "
                "options with what speaks for and against them, the decision, and what follows from it, the "
                "unpleasant part too."
            ),
            max_tokens=2_400,
        ),
    ),
)

HANDOFF = Phase(
    key="handoff",
    title="Handoff",
    purpose="What somebody who takes the work over must know to go on without asking.",
    instructions=(
        "This is a handoff for somebody competent who knows nothing of the project. Say what is, what is not, and "
        "what to do next; no praise, no history for its own sake. Where the material does not say something that the "
        "reader will need, write down the question and who might know."
    ),
    plan=(
        PlannedSection(
            name="Where things stand",
            instructions=(
                "Say in one paragraph what the project is for. Then list what is decided, what is finished, what is "
                "begun and what has not been touched, each item in one sentence."
            ),
            max_tokens=1_300,
        ),
        PlannedSection(
            name="How it fits together",
            instructions=(
                "Explain the parts and how they work together, in the order in which a newcomer should learn them. "
                "Name the two or three ideas without which the rest cannot be understood, and the places where "
                "things are not what they seem."
            ),
            max_tokens=2_100,
        ),
        PlannedSection(
            name="First week",
            instructions=(
                "Give a numbered list of steps for the first week: what to read, set up, try and change, each with "
                "what one should see when it worked. Begin with a step that takes less than an hour."
            ),
            max_tokens=1_500,
        ),
        PlannedSection(
            name="Next steps",
            instructions=(
                "List the next pieces of work in the order in which they should be done: the outcome, why now, "
                "roughly how large, and what could go wrong. Mark the ones that cannot wait."
            ),
            max_tokens=1_600,
        ),
        PlannedSection(
            name="Known problems and questions",
            instructions=(
                "Give a table with the columns Problem or question, Effect, Known workaround and Who to ask. Be "
                "honest about what was left unfinished and about decisions that may have to be taken back."
            ),
            max_tokens=1_300,
        ),
    ),
)

BUILT_IN = (BRIEF, PRD, SPECS, STORIES, ARTIFACTS, HANDOFF)
_BY_KEY = {phase.key: phase for phase in BUILT_IN}


def is_phase_key(key: str) -> bool:
    return PHASE_KEY.fullmatch(key) is not None


def phase_of(key: str, *, title: str = "") -> Phase:
    """The built-in phase of that key, else a plain three-section plan for the user's own phase.

    `title` names the user's own document; without it the key does. Raises ValueError for what is no phase key.
    """
    if key in _BY_KEY:
        return _BY_KEY[key]
    if not is_phase_key(key):
        raise ValueError("a phase key is a lower-case letter and up to 39 more of a-z, 0-9 and -")
    own = title.strip() or key.replace("-", " ").strip().capitalize()
    return Phase(
        key=key,
        title=own,
        purpose=f"{own}: a document of your own.",
        instructions=(
            "Write for a reader who knows the project's description and nothing else. Be concrete, keep to what the "
            "title promises, and name assumptions instead of inventing facts."
        ),
        plan=(
            PlannedSection(
                name="Overview",
                instructions=(
                    "Say in two or three paragraphs what this document covers, for whom it is and what the reader "
                    "will be able to do after reading it. End with the main points as a short list."
                ),
            ),
            PlannedSection(
                name="Details",
                instructions=(
                    "Work out the subject of the document in full, with a subsection for each part. Give examples, "
                    "tables or code blocks where they say more than a paragraph does."
                ),
                max_tokens=3_200,
            ),
            PlannedSection(
                name="Next steps",
                instructions=(
                    "List what follows from the document, in the order in which it should be done: the step, why it "
                    "matters and how one knows that it is done. Then the questions that are still open."
                ),
            ),
        ),
    )
